/** A generator whose `return` also ends a wait that is under way: by itself it would queue behind that wait. */
export function stoppable<Value>(generator: AsyncGenerator<Value>, stop: () => void): AsyncIterableIterator<Value> {
  return {
    async next() {
      try {
        const result = await generator.next()
        if (result.done) stop()
        return result
      } catch (error) {
        stop()
        throw error
      }
    },
    return() {
      stop()
      return generator.return(undefined)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
