/** EIP-155 id of the embedded chain, the one that development tools know. */
export const EMBEDDED_CHAIN_ID = 31_337
