/** Indices that a module's `id_of_type` turns into its own runtime ids of AssemblyScript classes. */
export const CLASS = {
  String: 0,
  ArrayBuffer: 1,
  Uint8Array: 6,
  BigDecimal: 12,
  ArrayEthereumValue: 15,
  ArrayStoreValue: 16,
  ArrayJsonValue: 17,
  ArrayEventParam: 19,
  ArrayJsonEntry: 20,
  ArrayStoreEntry: 21,
  EventParam: 23,
  EthereumTransaction: 24,
  EthereumBlock: 25,
  WrappedBool: 28,
  WrappedJsonValue: 29,
  EthereumValue: 30,
  StoreValue: 31,
  JsonValue: 32,
  EthereumEvent: 33,
  StoreEntry: 34,
  JsonEntry: 35,
  StoreMap: 36,
  JsonMap: 37,
  JsonResult: 40,
  TransactionReceipt: 1000,
  Log: 1001,
  ArrayHash: 1002,
  ArrayLog: 1003,
  ArrayStoreMap: 1004,
} as const

export type ClassIndex = (typeof CLASS)[keyof typeof CLASS]

/** What an `ethereum.Value` holds. */
export const ETHEREUM = {
  address: 0,
  fixedBytes: 1,
  bytes: 2,
  int: 3,
  uint: 4,
  bool: 5,
  string: 6,
  fixedArray: 7,
  array: 8,
  tuple: 9,
  function: 10,
} as const

/** What a `Value` of an entity holds. */
export const STORE = {
  string: 0,
  int: 1,
  bigDecimal: 2,
  bool: 3,
  array: 4,
  null: 5,
  bytes: 6,
  bigInt: 7,
  int8: 8,
  timestamp: 9,
} as const

/** What a `JSONValue` holds. */
export const JSON_KIND = { null: 0, bool: 1, number: 2, string: 3, array: 4, object: 5 } as const
