import { getAddress, type Hex, isAddress, recoverMessageAddress } from 'viem'
import { z } from 'zod'
import { ProviderRejected } from '../../errors.ts'
import { submissionPath, submitOnce } from '../../net/submission.ts'
import { dataFolderVariable, defineProvider } from '../capability.ts'
import type { Wallets } from './contract.ts'

const Created = z.object({ wallet_address: z.string().refine((text) => isAddress(text, { strict: false })) })
const Ran = z.object({
  has_error: z.boolean(),
  logs: z.string().nullish(),
  response: z.unknown(),
})
const Signed = z.object({ signature: z.string().regex(/^0x[0-9a-fA-F]{130}$/) })

/** Runs in Lit's enclave, which alone holds the key. */
const SIGN_ACTION = `async function main({ pkpId, message }) {
  const wallet = new ethers.Wallet(await Lit.Actions.getPrivateKey({ pkpId }))
  return { signature: await wallet.signMessage(message) }
}`

/**
 * Key pairs that Lit holds and that nobody can take out. Making one is paid and knows no idempotency key, so the intention is
 * written down first.
 *
 * @see https://developer.litprotocol.com/
 */
export const lit = defineProvider({
  name: 'lit',
  environment: z.object({
    LIT_API_URL: z
      .url()
      .default('https://api.chipotle.litprotocol.com/core/v1')
      .meta({ description: 'Lit’s API, with its version' }),
    LIT_API_KEY: z.string().meta({ description: 'key of an account at Lit that may create wallets', isSecret: true }),
    LIT_WALLET_USD_MICROS: z.coerce
      .number()
      .int()
      .min(0)
      .default(10_000)
      .meta({ description: 'what Lit takes for a wallet, in millionths of a dollar' }),
    REFRAIN_DATA_DIR: dataFolderVariable,
  }),
  create: (settings, { http }): Wallets => {
    const base = settings.LIT_API_URL.replace(/\/+$/, '')
    const headers = { 'x-api-key': settings.LIT_API_KEY }
    return {
      unavailableReason: null,
      priceUsdMicros: settings.LIT_WALLET_USD_MICROS,
      async create({ name, signal }) {
        const path = submissionPath(settings.REFRAIN_DATA_DIR, 'lit', ['wallet', base, name])
        const { wallet_address: made } = await submitOnce(path, 'lit', Created, () =>
          http.json(`${base}/create_wallet`, Created, { method: 'POST', headers, signal }),
        )
        return {
          address: getAddress(made),
          publicKey: null,
          tokenId: null,
          owner: null,
          txHash: null,
          // The keys' permissions are kept on Base.
          network: 'eip155:8453',
          provider: 'lit',
        }
      },
      async sign({ address, message, signal }) {
        const json = { code: SIGN_ACTION, js_params: { pkpId: address, message } }
        const ran = await http.json(`${base}/lit_action`, Ran, {
          method: 'POST',
          headers,
          json,
          idempotent: true,
          signal,
        })
        const signed = Signed.safeParse(ran.response)
        if (ran.has_error || !signed.success)
          throw new ProviderRejected('lit', `expected a signature, the action answered ${said(ran)}`)
        const signature = signed.data.signature as Hex
        if ((await recoverMessageAddress({ message, signature })) !== getAddress(address))
          throw new ProviderRejected('lit', `expected a signature of ${address}, got somebody else's`)
        return signature
      },
    }
  },
})

function said({ has_error: hasError, logs, response }: z.output<typeof Ran>): string {
  const text = hasError && logs ? logs : (JSON.stringify(response) ?? 'nothing')
  return text.replace(/\s+/g, ' ').slice(0, 300)
}
