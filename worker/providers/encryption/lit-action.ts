import type { Lock } from '../../../client/conditions.ts'

/**
 * The program that Lit Protocol runs in its enclaves for one lock: it seals content keys, and opens them for who signs a message
 * like that of `signInMessage` and owns a valid key of the lock at that moment. Lock, chain, RPC address, key gate and key pair
 * stand in the text, because the permission to use the key pair is given to the text's CID: whoever changes them has another
 * program, which may not. What is sealed names its lock and key, because all locks share the key pair.
 */
export function litAction(options: {
  readonly lock: Lock
  readonly rpcUrl: string
  readonly gateUrl: string
  readonly pkpId: string
}): string {
  const constants = {
    LOCK: options.lock.address.toLowerCase(),
    CHAIN_ID: options.lock.chainId,
    RPC_URL: options.rpcUrl,
    GATE_URL: options.gateUrl,
    PKP_ID: options.pkpId,
  }
  const declarations = Object.entries(constants).map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`)
  return `${declarations.join('\n')}\n${PROGRAM}`
}

const PROGRAM = String.raw`
const SIGN_IN = /^[^\n ]+ wants you to sign in with your Ethereum account:\n(0x[0-9a-fA-F]{40})\n\n[^\n]+\n\nURI: ([^\n]+)\nVersion: 1\nChain ID: (\d+)\nNonce: [A-Za-z0-9]{8,}\nIssued At: [^\n]+\nExpiration Time: ([^\n]+)\nResources:\n- urn:uuid:([0-9a-f-]{36})$/;

async function main({ seal, open }) {
  if (seal) {
    const message = JSON.stringify({ lock: LOCK, chainId: CHAIN_ID, keyId: seal.keyId, contentKey: seal.contentKey });
    return { sealedKey: await Lit.Actions.Encrypt({ pkpId: PKP_ID, message }) };
  }
  const read = SIGN_IN.exec(open.message);
  if (!read) return { error: "BAD_MESSAGE" };
  const [, address, uri, chainId, expirationTime, keyId] = read;
  if (uri !== GATE_URL) return { error: "WRONG_URI" };
  if (Number(chainId) !== CHAIN_ID) return { error: "WRONG_CHAIN" };
  if (!(Date.parse(expirationTime) > Date.now())) return { error: "EXPIRED" };
  let signer;
  try {
    signer = await ethers.utils.verifyMessage(open.message, open.signature);
  } catch (error) {
    return { error: "BAD_SIGNATURE" };
  }
  if (signer.toLowerCase() !== address.toLowerCase()) return { error: "BAD_SIGNATURE" };
  const provider = new ethers.providers.JsonRpcProvider(RPC_URL);
  const lock = new ethers.Contract(LOCK, ["function balanceOf(address) view returns (uint256)"], provider);
  if (!(await lock.balanceOf(signer)).gt(0)) return { error: "NO_KEY" };
  const sealed = JSON.parse(await Lit.Actions.Decrypt({ pkpId: PKP_ID, ciphertext: open.sealedKey }));
  if (sealed.lock !== LOCK || sealed.chainId !== CHAIN_ID || sealed.keyId !== keyId) return { error: "OTHER_KEY" };
  return { contentKey: sealed.contentKey };
}
`
