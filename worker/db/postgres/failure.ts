import { Blocked } from '../../errors.ts'

/** What a failed initdb or postgres said, sorted by what should happen next. */
export type FailureReason = 'portTaken' | 'locked' | 'diskFull' | 'notPermitted' | 'memory' | 'noSuchUser' | 'other'

const signs: readonly (readonly [FailureReason, RegExp])[] = [
  ['locked', /lock file "[^"]*" already exists|pre-existing shared memory block/],
  ['portTaken', /Address already in use|could not create any TCP\/IP sockets/],
  ['diskFull', /No space left on device|Disk quota exceeded/],
  ['notPermitted', /Permission denied|Read-only file system|has (wrong ownership|invalid permissions)/],
  ['memory', /Cannot allocate memory|could not (create|map) (anonymous )?shared memory/],
  ['noSuchUser', /could not look up effective user/],
]

const advice: Readonly<Record<FailureReason, string>> = {
  portTaken: 'The port is in use by another program: end that program or choose another port.',
  locked: 'Another PostgreSQL still holds the data directory: stop it, or wait until it has ended.',
  diskFull: 'The disk is full: free some space and start again.',
  notPermitted: 'A file or directory may not be read or written: check the owner and the modes of the data directory.',
  memory: 'There is not enough memory: free some, or lower shared_buffers in postgresql.conf.',
  noSuchUser: 'The user id of this process is not listed in /etc/passwd, which PostgreSQL needs: run as a listed user.',
  other: 'The lines below are its last.',
}

export function failureReason(output: string): FailureReason {
  return signs.find(([, sign]) => sign.test(output))?.[0] ?? 'other'
}

/** PostgreSQL ended before it was of use. `reason` decides whether starting again can help. */
export class PostgresFailed extends Blocked {
  readonly reason: FailureReason

  /** @param output what it printed; the last lines go into the message */
  constructor(what: string, directory: string, output: string) {
    const reason = failureReason(output)
    const lines = output.trim().split('\n').slice(-12).join('\n')
    super(`${what} in ${directory} failed. ${advice[reason]}\n${lines || '(it printed nothing)'}`, {
      details: { reason },
    })
    this.reason = reason
  }
}
