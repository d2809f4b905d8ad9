import { InvalidInput } from '../../worker/errors.ts'
import { Heap, type HeapConstants, type ModuleExports } from './heap.ts'
import { exportGlobals } from './patch.ts'

/** Functions that a module may import, by name; whichever module name it is imported under. */
export type HostFunctions = Readonly<Record<string, (...operands: number[]) => unknown>>

/** Who serves the instances of all modules of a deployment. */
export interface Host {
  readonly functions: HostFunctions
  /** Called with the memory of the instance that runs from now on: its start already calls the host. */
  enter(heap: Heap): void
  /**
   * Whether what ran since `enter` has asked for nothing but arithmetic. An instance whose start asked for more (its data source, the
   * chain) depends on the trigger and is used for that one only.
   */
  readonly isSelfContained: boolean
}

/** Memory that a handler has grown beyond this is given back with its instance. */
const KEPT_MEMORY_BYTES = 64 * 1024 * 1024

/** A compiled module of mappings. */
export interface MappingModule {
  /** Names of what it needs from outside. */
  readonly imports: readonly string[]
  /** Names of the functions it offers. */
  readonly exports: readonly string[]
  /**
   * An instance in the state it has after its start, as graph-node makes a new one for every trigger. To make one costs about 0.3
   * milliseconds, so the last one is put back to its first state where the module allows it.
   */
  fresh(host: Host): Instance
}

export interface Instance {
  readonly heap: Heap
  readonly functions: Readonly<Record<string, (...operands: number[]) => void>>
}

/**
 * @param options.isReset false makes a new instance every time
 * @throws InvalidInput when this is no module that graph-cli builds
 */
export function compileModule(
  name: string,
  wasm: Uint8Array<ArrayBuffer>,
  options: { isReset?: boolean } = {},
): MappingModule {
  const patched = options.isReset === false ? null : exportGlobals(wasm)
  let module: WebAssembly.Module
  try {
    module = new WebAssembly.Module(patched?.bytes ?? wasm)
  } catch (cause) {
    throw new InvalidInput(`${name} is no WebAssembly module: build the subgraph again`, { cause })
  }
  const exports = WebAssembly.Module.exports(module).map((entry) => entry.name)
  const missing = ['memory', '__new', 'id_of_type'].filter((entry) => !exports.includes(entry))
  if (missing.length > 0) {
    throw new InvalidInput(`${name} does not export ${missing.join(', ')}: build the subgraph with graph-cli`)
  }
  const wanted = WebAssembly.Module.imports(module)
  const constants: HeapConstants = { classIds: new Map(), strings: new Map() }
  let last: ResettableInstance | null = null

  return {
    imports: wanted.map((entry) => entry.name),
    exports,
    fresh(host) {
      if (last?.host === host && last.reset()) {
        host.enter(last.heap)
        return last
      }
      const made = instantiate(module, wanted, host, constants, patched?.names ?? [])
      last = patched && host.isSelfContained ? made : null
      return made
    },
  }
}

interface ResettableInstance extends Instance {
  readonly host: Host
  /** Back to the first state; false when a new instance is the better way. */
  reset(): boolean
}

function instantiate(
  module: WebAssembly.Module,
  wanted: readonly WebAssembly.ModuleImportDescriptor[],
  host: Host,
  constants: HeapConstants,
  globalNames: readonly string[],
): ResettableInstance {
  const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {}
  for (const entry of wanted) {
    imports[entry.module] ??= {}
    imports[entry.module][entry.name] = host.functions[entry.name]
  }
  const { exports } = new WebAssembly.Instance(module, imports)
  // The module was checked for these; WebAssembly has no types to ask.
  const known = exports as unknown as ModuleExports
  const functions = exports as unknown as Instance['functions']
  const heap = new Heap(known, constants)
  host.enter(heap)
  functions._start?.()
  const image = usedMemory(known.memory)
  heap.seal(image.length)
  const globals = globalNames.map((globalName) => exports[globalName] as WebAssembly.Global)
  const values = globals.map((global) => global.value)
  return {
    heap,
    functions,
    host,
    reset() {
      // An empty object at the end of what was allocated tells where that is.
      const top = known.__new(0, 0) >>> 0
      const { buffer } = known.memory
      if (buffer.byteLength > KEPT_MEMORY_BYTES) return false
      const memory = new Uint8Array(buffer)
      memory.fill(0, image.length, Math.min(top, memory.length))
      memory.set(image)
      for (let index = 0; index < globals.length; index++) globals[index].value = values[index]
      heap.clear()
      return true
    },
  }
}

/** A copy of memory up to its last byte that is not zero. */
function usedMemory(memory: WebAssembly.Memory): Uint8Array {
  const bytes = Buffer.from(memory.buffer)
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return new Uint8Array(bytes.subarray(0, end))
}
