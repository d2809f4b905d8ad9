// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Writers} from "./Writers.sol";

/// @title Public keys of wallets
/// @notice Records that a key pair exists and who keeps it, under a number that follows from the public key.
/// @dev Not an ERC-721: a record is neither transferred nor approved.
contract Wallets is Writers {
    /// @dev secp256k1's field: y² = x³ + 7 modulo this prime.
    uint256 private constant FIELD = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;

    /// @notice Who minted a wallet and keeps its private key; zero when it was not minted.
    mapping(uint256 tokenId => address owner) public ownerOf;

    /// @notice A wallet was recorded.
    /// @param tokenId keccak256 of the public key.
    /// @param wallet The address that the key pair signs for.
    /// @param owner Who keeps the private key.
    /// @param publicKey Uncompressed: 0x04, x, y.
    event WalletMinted(uint256 indexed tokenId, address indexed wallet, address indexed owner, bytes publicKey);

    /// @notice A public key is 65 bytes, 0x04 and a point of secp256k1.
    /// @param publicKey What came instead.
    error Wallets_PublicKeyInvalid(bytes publicKey);

    /// @param writer The first address that may mint; zero for nobody.
    constructor(address writer) Writers(writer) {}

    /// @notice Records a wallet, kept by the sender. The same key again emits nothing and changes no keeper.
    /// @param publicKey Uncompressed: 0x04, x, y.
    /// @return tokenId keccak256 of all 65 bytes.
    function mint(bytes calldata publicKey) external onlyWriter returns (uint256 tokenId) {
        require(_isPublicKey(publicKey), Wallets_PublicKeyInvalid(publicKey));
        tokenId = uint256(keccak256(publicKey));
        if (ownerOf[tokenId] != address(0)) return tokenId;
        ownerOf[tokenId] = msg.sender;
        address wallet = address(uint160(uint256(keccak256(publicKey[1:]))));
        emit WalletMinted(tokenId, wallet, msg.sender, publicKey);
    }

    function _isPublicKey(bytes calldata publicKey) private pure returns (bool) {
        if (publicKey.length != 65 || publicKey[0] != 0x04) return false;
        uint256 x = uint256(bytes32(publicKey[1:33]));
        uint256 y = uint256(bytes32(publicKey[33:65]));
        if (x >= FIELD || y >= FIELD) return false;
        return mulmod(y, y, FIELD) == addmod(mulmod(mulmod(x, x, FIELD), x, FIELD), 7, FIELD);
    }
}
