/** Keeps secrets (wallets' private keys, content keys) encrypted at rest, each under a name such as `wallet:artist:12`. */
export interface Vault {
  /**
   * Keeps a secret unless one is kept under that name already, and returns the one that is kept now: two callers at once, or a
   * caller that comes back after a crash, get the same secret.
   *
   * @throws Blocked when what is kept was encrypted with another master key
   */
  keep(name: string, make: () => Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /** The secret under that name; null when there is none. */
  open(name: string): Promise<Uint8Array<ArrayBuffer> | null>
}
