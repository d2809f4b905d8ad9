import { createRequire } from 'node:module'
import { type Hex, parseAbi } from 'viem'
import { z } from 'zod'

/** Version of Unlock's factory that the embedded chain has. */
export const UNLOCK_VERSION = 14
/** Version of the locks that the embedded chain's factory makes. */
export const LOCK_VERSION = 15

/** Unlock's factory of locks, version 14: what Refrain and its tests call, ask and read. */
export const unlockAbi = parseAbi([
  'function initialize(address _unlockOwner)',
  'function addLockTemplate(address impl, uint16 version)',
  'function setLockTemplate(address _publicLockAddress)',
  'function configUnlock(address _governanceToken, address _weth, uint256 _estimatedGasForPurchase, string _symbol, string _URI, uint256 _chainId)',
  'function createUpgradeableLock(bytes data) returns (address)',
  'function createUpgradeableLockAtVersion(bytes data, uint16 lockVersion) returns (address)',
  'function upgradeLock(address lockAddress, uint16 version) returns (address)',
  'function owner() view returns (address)',
  'function unlockVersion() pure returns (uint16)',
  'function chainId() view returns (uint256)',
  'function globalTokenSymbol() view returns (string)',
  'function globalBaseTokenURI() view returns (string)',
  'function publicLockAddress() view returns (address)',
  'function publicLockLatestVersion() view returns (uint16)',
  'function publicLockVersions(address _impl) view returns (uint16)',
  'function publicLockImpls(uint16 _version) view returns (address)',
  'function locks(address) view returns (bool deployed, uint256 totalSales, uint256 yieldedDiscountTokens)',
  'function protocolFee() view returns (uint256)',
  'event NewLock(address indexed lockOwner, address indexed newLockAddress)',
  'event LockUpgraded(address lockAddress, uint16 version)',
  'event UnlockTemplateAdded(address indexed impl, uint16 indexed version)',
  'event SetLockTemplate(address publicLockAddress)',
  'error Unlock__ALREADY_DEPLOYED()',
  'error Unlock__MANAGER_ONLY()',
  'error Unlock__MISSING_LOCK(address lockAddress)',
  'error Unlock__MISSING_LOCK_TEMPLATE()',
  'error Unlock__MISSING_TEMPLATE()',
  'error Unlock__VERSION_TOO_HIGH()',
])

/**
 * A lock, version 15, and `RenewKeyPurchase` of locks up to version 10.
 *
 * `purchase` has two forms: five arrays (all versions since 10), or one array of tuples (since 15).
 */
export const publicLockAbi = parseAbi([
  'struct PurchaseArgs { uint256 value; address recipient; address referrer; address protocolReferrer; address keyManager; bytes data; uint256 additionalPeriods; }',
  'function initialize(address _lockCreator, uint256 _expirationDuration, address _tokenAddress, uint256 _keyPrice, uint256 _maxNumberOfKeys, string _lockName)',
  'function purchase(uint256[] _values, address[] _recipients, address[] _referrers, address[] _keyManagers, bytes[] _data) payable returns (uint256[])',
  'function purchase(PurchaseArgs[] purchaseArgs) payable returns (uint256[])',
  'function extend(uint256 _value, uint256 _tokenId, address _referrer, bytes _data) payable',
  'function grantKeys(address[] _recipients, uint256[] _expirationTimestamps, address[] _keyManagers) returns (uint256[])',
  'function grantKeyExtension(uint256 _tokenId, uint256 _duration)',
  'function cancelAndRefund(uint256 _tokenId)',
  'function expireAndRefundFor(uint256 _tokenId, uint256 _amount)',
  'function setKeyExpiration(uint256 _tokenId, uint256 _newExpiration)',
  'function transferFrom(address _from, address _recipient, uint256 _tokenId)',
  'function shareKey(address _to, uint256 _tokenIdFrom, uint256 _timeShared)',
  'function mergeKeys(uint256 _tokenIdFrom, uint256 _tokenIdTo, uint256 _amount)',
  'function lendKey(address _from, address _recipient, uint256 _tokenId)',
  'function unlendKey(address _recipient, uint256 _tokenId)',
  'function burn(uint256 _tokenId)',
  'function updateKeyPricing(uint256 _keyPrice, address _tokenAddress)',
  'function updateLockConfig(uint256 _newExpirationDuration, uint256 _maxNumberOfKeys, uint256 _maxKeysPerAcccount)',
  'function updateRefundPenalty(uint256 _freeTrialLength, uint256 _refundPenaltyBasisPoints)',
  'function setLockMetadata(string _lockName, string _lockSymbol, string _baseTokenURI)',
  'function withdraw(address _tokenAddress, address _recipient, uint256 _amount)',
  'function migrate(bytes)',
  'function getHasValidKey(address _keyOwner) view returns (bool isValid)',
  'function isValidKey(uint256 _tokenId) view returns (bool)',
  'function balanceOf(address _keyOwner) view returns (uint256 balance)',
  'function totalKeys(address _keyOwner) view returns (uint256)',
  'function totalSupply() view returns (uint256 _totalKeysCreated)',
  'function numberOfOwners() view returns (uint256)',
  'function ownerOf(uint256 _tokenId) view returns (address)',
  'function keyManagerOf(uint256) view returns (address)',
  'function tokenByIndex(uint256 _index) view returns (uint256)',
  'function tokenOfOwnerByIndex(address _keyOwner, uint256 _index) view returns (uint256)',
  'function keyExpirationTimestampFor(uint256 _tokenId) view returns (uint256)',
  'function getCancelAndRefundValue(uint256 _tokenId) view returns (uint256 refund)',
  'function purchasePriceFor(address _recipient, address _referrer, bytes _data) view returns (uint256 minKeyPrice)',
  'function name() view returns (string)',
  'function symbol() view returns (string)',
  'function keyPrice() view returns (uint256)',
  'function tokenAddress() view returns (address)',
  'function expirationDuration() view returns (uint256)',
  'function maxNumberOfKeys() view returns (uint256)',
  'function maxKeysPerAddress() view returns (uint256)',
  'function owner() view returns (address)',
  'function isLockManager(address account) view returns (bool)',
  'function publicLockVersion() pure returns (uint16)',
  'function unlockProtocol() view returns (address)',
  'event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)',
  'event KeyExtended(uint256 indexed tokenId, uint256 newTimestamp)',
  'event RenewKeyPurchase(address indexed owner, uint256 newExpiration)',
  'event CancelKey(uint256 indexed tokenId, address indexed owner, address indexed sendTo, uint256 refund)',
  'event ExpireKey(uint256 indexed tokenId)',
  'event ExpirationChanged(uint256 indexed tokenId, uint256 prevExpiration, uint256 newExpiration)',
  'event KeyManagerChanged(uint256 indexed _tokenId, address indexed _newManager)',
  'event PricingChanged(uint256 oldKeyPrice, uint256 keyPrice, address oldTokenAddress, address tokenAddress)',
  'event LockConfig(uint256 expirationDuration, uint256 maxNumberOfKeys, uint256 maxKeysPerAcccount)',
  'event LockMetadata(string name, string symbol, string baseTokenURI)',
  'event PaymentReceipt(uint256[] tokenIds, uint256 purchases, uint256 extensions, address payer, address tokenAddress, uint256 totalPaid)',
  'error INSUFFICIENT_VALUE()',
  'error INSUFFICIENT_ERC20_VALUE()',
  'error INVALID_ADDRESS()',
  'error INVALID_LENGTH()',
  'error KEY_NOT_VALID()',
  'error KEY_TRANSFERS_DISABLED()',
  'error LOCK_HAS_CHANGED()',
  'error LOCK_SOLD_OUT()',
  'error MAX_KEYS_REACHED()',
  'error CANT_EXTEND_NON_EXPIRING_KEY()',
  'error MIGRATION_REQUIRED()',
  'error NON_RENEWABLE_LOCK()',
  'error NOT_ENOUGH_FUNDS()',
  'error NOT_ENOUGH_TIME()',
  'error NO_SUCH_KEY()',
  'error NULL_VALUE()',
  'error ONLY_KEY_MANAGER_OR_APPROVED()',
  'error ONLY_LOCK_MANAGER()',
  'error ONLY_LOCK_MANAGER_OR_KEY_GRANTER()',
  'error OUT_OF_RANGE()',
  'error OWNER_CANT_BE_ADDRESS_ZERO()',
  'error TRANSFER_TO_SELF()',
  'error UNAUTHORIZED()',
])

const Artifact = z.object({ bytecode: z.string().regex(/^0x[0-9a-f]+$/i, 'expected linked bytecode in hexadecimal') })
const require = createRequire(import.meta.url)

/** Creation bytecode of the factory's implementation, from Unlock's own package. */
export const unlockBytecode = (): Hex =>
  readBytecode(`@unlock-protocol/contracts/dist/abis/Unlock/UnlockV${UNLOCK_VERSION}.json`)

/** Creation bytecode of a lock's implementation, from Unlock's own package, which has versions 9 to 15. */
export const publicLockBytecode = (version = LOCK_VERSION): Hex =>
  readBytecode(`@unlock-protocol/contracts/dist/abis/PublicLock/PublicLockV${version}.json`)

/** Creation bytecode of the proxy that the factory stands behind; its constructor takes an implementation and a first call. */
export const proxyBytecode = (): Hex => readBytecode('@openzeppelin/contracts/build/contracts/ERC1967Proxy.json')

// The packages' entries are CommonJS and load every version of everything: one file is enough.
function readBytecode(path: string): Hex {
  return Artifact.parse(require(path)).bytecode as Hex
}
