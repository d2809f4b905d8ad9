import type { AbiType } from './wasm/abi-types.ts'
import type { MappingModule } from './wasm/instance.ts'
import type { Context } from './wasm/store-values.ts'

/** An event that a handler waits for. */
export interface EventHandler {
  /** Name of the module's function. */
  readonly name: string
  readonly topic0: string
  readonly inputs: readonly { readonly name: string; readonly type: AbiType; readonly isIndexed: boolean }[]
  readonly indexedCount: number
  readonly wantsReceipt: boolean
}

/** A function of a contract that handlers may call. */
export interface CalledFunction {
  /** `0x` and eight digits. */
  readonly selector: string
  readonly inputs: readonly AbiType[]
  readonly outputs: readonly AbiType[]
}

/** A data source or template of the manifest. */
export interface SourceDefinition {
  readonly name: string
  readonly module: MappingModule
  /** Events of modules before apiVersion 0.0.7 carry no receipt. */
  readonly hasReceipts: boolean
  /** By the first topic; several where overloaded events differ in what is indexed. */
  readonly handlers: ReadonlyMap<string, readonly EventHandler[]>
  /** By `<ABI's name>.<function(argument types):(return types)>`. */
  readonly functions: ReadonlyMap<string, CalledFunction>
}

/** A contract whose events are handled. */
export interface Source {
  readonly definition: SourceDefinition
  /** In lower case. */
  readonly address: string
  readonly startBlock: number
  /** Last block it is asked for; null when there is none. */
  readonly endBlock: number | null
  readonly context: Context | null
  /** Block whose handler created it from a template; null for those of the manifest. */
  readonly createdAtBlock: number | null
}

/** The sources of a deployment: those of the manifest first, then in the order of their creation. */
export class SourceList {
  readonly #byAddress = new Map<string, Source[]>()
  #all: Source[] = []

  constructor(sources: Iterable<Source>) {
    for (const source of sources) this.add(source)
  }

  get all(): readonly Source[] {
    return this.#all
  }

  get addresses(): string[] {
    return [...this.#byAddress.keys()]
  }

  at(address: string): readonly Source[] {
    return this.#byAddress.get(address) ?? []
  }

  add(source: Source): void {
    this.#all.push(source)
    const others = this.#byAddress.get(source.address)
    if (others) others.push(source)
    else this.#byAddress.set(source.address, [source])
  }

  /** Forgets those that were created after a block. */
  revert(block: number): void {
    const kept = this.#all.filter((source) => source.createdAtBlock === null || source.createdAtBlock <= block)
    if (kept.length === this.#all.length) return
    this.#all = []
    this.#byAddress.clear()
    for (const source of kept) this.add(source)
  }

  /** Whether the same template was created for the same address and context before. */
  has(source: Source): boolean {
    return this.at(source.address).some(
      (other) =>
        other.definition === source.definition &&
        other.createdAtBlock !== null &&
        contextKey(other.context) === contextKey(source.context),
    )
  }
}

const contextKey = (context: Context | null): string =>
  JSON.stringify(context, (_name, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
