import type { HostFunctions } from '../instance.ts'
import type { HostSurroundings } from '../running.ts'
import { conversionFunctions } from './conversions.ts'
import { ethereumFunctions } from './ethereum.ts'
import { jsonFunctions } from './json.ts'
import { numberFunctions } from './numbers.ts'
import { sourceFunctions } from './source.ts'
import { storeFunctions } from './store.ts'

/** Everything a module may import. */
export function hostFunctions(surroundings: HostSurroundings): HostFunctions {
  const heapOf = surroundings.heap
  return {
    ...storeFunctions(surroundings),
    ...ethereumFunctions(surroundings),
    ...sourceFunctions(surroundings),
    ...numberFunctions(heapOf),
    ...conversionFunctions(heapOf),
    ...jsonFunctions(heapOf),
  }
}
