// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Owned} from "./Owned.sol";

/// @title The catalog of clips
/// @notice Announces karaoke clips and the encrypted songs behind them. What is told lives in the events; the contract
/// keeps only who may emit and what was said last, so that saying the same again emits nothing.
/// @dev A clip's events may come in any order: encryption may be announced before the clip itself.
contract Catalog is Owned {
    /// @notice What a clip is.
    struct Clip {
        /// Id of the work in the metadata space; empty while it has none.
        string grc20WorkId;
        /// The track's id in the outside catalogue. Together with the start it names the clip.
        string spotifyTrackId;
        /// Where the clip begins, in milliseconds from the start of the song.
        uint32 clipStartMs;
        /// Where the clip ends, in milliseconds from the start of the song; after the start.
        uint32 clipEndMs;
        /// Where the clip's description is stored; empty when it has none.
        string metadataUri;
    }

    /// @notice An encrypted song and the lock whose keys open it.
    struct Segment {
        /// The clip that the song belongs to.
        bytes32 clipHash;
        /// The track's id in the outside catalogue.
        string spotifyTrackId;
        /// Where the ciphertext is stored.
        string encryptedFullUri;
        /// Where the manifest of the encryption is stored.
        string encryptedManifestUri;
        /// The lock; its valid keys open the song.
        address unlockLockAddress;
        /// EIP-155 id of the chain that the lock lives on.
        uint32 unlockChainId;
        /// Where the song's description is stored; empty when it has none.
        string metadataUri;
    }

    /// @dev What was said last of a clip, one digest for each kind of event; two slots for its whole life. A digest's 120
    /// or 128 bits are ample: to make two contents of one digest takes an emitter who wants to silence itself.
    struct Said {
        bytes15 registered;
        bytes15 processed;
        bool isDisabled;
        bytes16 segment;
        bytes16 song;
    }

    mapping(bytes32 clipHash => Said) private _said;

    /// @notice Whether an address may emit.
    mapping(address emitter => bool isAllowed) public isEmitter;

    /// @notice A clip was announced, or announced anew with other content.
    /// @param clipHash What names the clip in every other call and event.
    /// @param grc20WorkId Id of the work in the metadata space; empty while it has none.
    /// @param spotifyTrackId The track's id in the outside catalogue.
    /// @param clipStartMs Where the clip begins, in milliseconds from the start of the song.
    /// @param clipEndMs Where the clip ends, in milliseconds from the start of the song.
    /// @param metadataUri Where the clip's description is stored; empty when it has none.
    /// @param registeredBy Who announced it.
    /// @param timestamp The block's time, in Unix seconds.
    event ClipRegistered(
        bytes32 indexed clipHash,
        string grc20WorkId,
        string spotifyTrackId,
        uint32 clipStartMs,
        uint32 clipEndMs,
        string metadataUri,
        address indexed registeredBy,
        uint64 timestamp
    );
    /// @notice A clip's audio and word timings are ready.
    /// @param clipHash The clip.
    /// @param instrumentalUri Where its audio is stored.
    /// @param alignmentUri Where its word timings are stored; empty when it has none.
    /// @param translationCount How many translations the word timings carry.
    /// @param metadataUri Where its description is stored; empty leaves what was said before.
    /// @param timestamp The block's time, in Unix seconds.
    event ClipProcessed(
        bytes32 indexed clipHash,
        string instrumentalUri,
        string alignmentUri,
        uint8 translationCount,
        string metadataUri,
        uint64 timestamp
    );
    /// @notice The full song behind a clip was encrypted for the holders of a lock's keys.
    /// @param clipHash The clip that the song belongs to.
    /// @param spotifyTrackId The track's id in the outside catalogue.
    /// @param encryptedFullUri Where the ciphertext is stored.
    /// @param encryptedManifestUri Where the manifest of the encryption is stored.
    /// @param unlockLockAddress The lock; its valid keys open the song.
    /// @param unlockChainId EIP-155 id of the chain that the lock lives on.
    /// @param metadataUri Where the song's description is stored; empty when it has none.
    /// @param timestamp The block's time, in Unix seconds.
    event SegmentEncrypted(
        bytes32 indexed clipHash,
        string spotifyTrackId,
        string encryptedFullUri,
        string encryptedManifestUri,
        address unlockLockAddress,
        uint32 unlockChainId,
        string metadataUri,
        uint64 timestamp
    );
    /// @notice The same act as `SegmentEncrypted`, under its older name.
    /// @param clipHash The clip that the song belongs to.
    /// @param spotifyTrackId The track's id in the outside catalogue.
    /// @param encryptedFullUri Where the ciphertext is stored.
    /// @param encryptedManifestUri Where the manifest of the encryption is stored.
    /// @param unlockLockAddress The lock; its valid keys open the song.
    /// @param unlockChainId EIP-155 id of the chain that the lock lives on.
    /// @param metadataUri Where the song's description is stored; empty when it has none.
    /// @param timestamp The block's time, in Unix seconds.
    event SongEncrypted(
        bytes32 indexed clipHash,
        string spotifyTrackId,
        string encryptedFullUri,
        string encryptedManifestUri,
        address unlockLockAddress,
        uint32 unlockChainId,
        string metadataUri,
        uint64 timestamp
    );
    /// @notice A clip was shown or hidden by its publisher.
    /// @param clipHash The clip.
    /// @param enabled Whether it is shown from now on.
    /// @param timestamp The block's time, in Unix seconds.
    event ClipToggled(bytes32 indexed clipHash, bool enabled, uint64 timestamp);
    /// @notice An address was let in or shut out.
    /// @param emitter Whom it concerns.
    /// @param isAllowed Whether it may emit from now on.
    event EmitterChanged(address indexed emitter, bool isAllowed);

    /// @notice Only emitters may do this; the owner calls `setEmitter`.
    /// @param sender Who tried.
    error Catalog_NotEmitter(address sender);
    /// @notice The zero address signs nothing, so it cannot emit.
    error Catalog_ZeroEmitter();
    /// @notice Every clip has a hash other than zero.
    error Catalog_ZeroClipHash();
    /// @notice A clip ends after it begins.
    /// @param clipStartMs Where it would begin, in milliseconds.
    /// @param clipEndMs Where it would end, in milliseconds.
    error Catalog_EmptyClip(uint32 clipStartMs, uint32 clipEndMs);
    /// @notice This field must not be empty.
    /// @param field Its name.
    error Catalog_EmptyField(string field);
    /// @notice A song that is encrypted names the lock that opens it.
    error Catalog_ZeroLock();
    /// @notice A lock's chain has an id other than zero.
    error Catalog_ZeroChainId();

    /// @dev Lets only emitters through.
    modifier onlyEmitter() {
        require(isEmitter[msg.sender], Catalog_NotEmitter(msg.sender));
        _;
    }

    /// @param emitter The first address that may emit; zero for nobody.
    constructor(address emitter) {
        if (emitter != address(0)) _setEmitter(emitter, true);
    }

    /// @notice Announces a clip. The same content again emits nothing.
    /// @param clip What it is.
    /// @return clipHash What names it in every other call and event.
    function registerClip(Clip calldata clip) external onlyEmitter returns (bytes32 clipHash) {
        return _registerClip(clip);
    }

    /// @notice Announces many clips in one transaction, each as `registerClip` does.
    /// @param clips What they are.
    /// @return clipHashes What names them, in the same order.
    function registerClips(Clip[] calldata clips) external onlyEmitter returns (bytes32[] memory clipHashes) {
        clipHashes = new bytes32[](clips.length);
        for (uint256 index = 0; index < clips.length; ++index) {
            clipHashes[index] = _registerClip(clips[index]);
        }
    }

    /// @notice Announces where a clip's files are. The same content again emits nothing.
    /// @param clipHash The clip.
    /// @param instrumentalUri Where its audio is stored.
    /// @param alignmentUri Where its word timings are stored; empty when it has none.
    /// @param translationCount How many translations the word timings carry.
    /// @param metadataUri Where its description is stored; empty leaves what was said before.
    function processClip(
        bytes32 clipHash,
        string calldata instrumentalUri,
        string calldata alignmentUri,
        uint8 translationCount,
        string calldata metadataUri
    ) external onlyEmitter {
        require(clipHash != bytes32(0), Catalog_ZeroClipHash());
        require(bytes(instrumentalUri).length > 0, Catalog_EmptyField("instrumentalUri"));
        bytes15 digest = bytes15(keccak256(abi.encode(instrumentalUri, alignmentUri, translationCount, metadataUri)));
        Said storage said = _said[clipHash];
        if (said.processed == digest) return;
        said.processed = digest;
        emit ClipProcessed(
            clipHash, instrumentalUri, alignmentUri, translationCount, metadataUri, uint64(block.timestamp)
        );
    }

    /// @notice Announces the encrypted song of a clip. The same content again emits nothing.
    /// @param segment What was encrypted, where it is and which lock opens it.
    /// @param alsoAsSong Whether to emit `SongEncrypted` too, for readers who know only the older name.
    function encryptSegment(Segment calldata segment, bool alsoAsSong) external onlyEmitter {
        require(segment.clipHash != bytes32(0), Catalog_ZeroClipHash());
        require(bytes(segment.spotifyTrackId).length > 0, Catalog_EmptyField("spotifyTrackId"));
        require(bytes(segment.encryptedFullUri).length > 0, Catalog_EmptyField("encryptedFullUri"));
        require(bytes(segment.encryptedManifestUri).length > 0, Catalog_EmptyField("encryptedManifestUri"));
        require(segment.unlockLockAddress != address(0), Catalog_ZeroLock());
        require(segment.unlockChainId != 0, Catalog_ZeroChainId());
        bytes16 digest = bytes16(keccak256(abi.encode(segment)));
        Said storage said = _said[segment.clipHash];
        if (said.segment != digest) {
            said.segment = digest;
            emit SegmentEncrypted(
                segment.clipHash,
                segment.spotifyTrackId,
                segment.encryptedFullUri,
                segment.encryptedManifestUri,
                segment.unlockLockAddress,
                segment.unlockChainId,
                segment.metadataUri,
                uint64(block.timestamp)
            );
        }
        if (alsoAsSong && said.song != digest) {
            said.song = digest;
            emit SongEncrypted(
                segment.clipHash,
                segment.spotifyTrackId,
                segment.encryptedFullUri,
                segment.encryptedManifestUri,
                segment.unlockLockAddress,
                segment.unlockChainId,
                segment.metadataUri,
                uint64(block.timestamp)
            );
        }
    }

    /// @notice Shows or hides a clip. Clips are shown until hidden; repeating what holds already emits nothing.
    /// @param clipHash The clip.
    /// @param enabled Whether it is shown from now on.
    function toggleClip(bytes32 clipHash, bool enabled) external onlyEmitter {
        require(clipHash != bytes32(0), Catalog_ZeroClipHash());
        Said storage said = _said[clipHash];
        if (said.isDisabled != enabled) return;
        said.isDisabled = !enabled;
        emit ClipToggled(clipHash, enabled, uint64(block.timestamp));
    }

    /// @notice Lets an address emit, or stops it. Repeating what holds already emits nothing.
    /// @param emitter Whom it concerns.
    /// @param isAllowed Whether it may emit from now on.
    function setEmitter(address emitter, bool isAllowed) external onlyOwner {
        require(emitter != address(0), Catalog_ZeroEmitter());
        _setEmitter(emitter, isAllowed);
    }

    /// @notice What was announced of a clip so far.
    /// @param clipHash The clip.
    /// @return isRegistered Whether the clip itself was announced.
    /// @return isProcessed Whether its files were announced.
    /// @return isEncrypted Whether its encrypted song was announced.
    /// @return isEnabled Whether it is shown.
    function stateOf(bytes32 clipHash)
        external
        view
        returns (bool isRegistered, bool isProcessed, bool isEncrypted, bool isEnabled)
    {
        Said storage said = _said[clipHash];
        return (said.registered != 0, said.processed != 0, said.segment != 0, !said.isDisabled);
    }

    /// @notice What names the clip of a track that begins at this time.
    /// @param spotifyTrackId The track's id in the outside catalogue.
    /// @param clipStartMs Where the clip begins, in milliseconds.
    /// @return clipHash keccak256 of both, packed.
    function clipHashOf(string calldata spotifyTrackId, uint32 clipStartMs) public pure returns (bytes32 clipHash) {
        return keccak256(abi.encodePacked(spotifyTrackId, clipStartMs));
    }

    function _registerClip(Clip calldata clip) private returns (bytes32 clipHash) {
        require(bytes(clip.spotifyTrackId).length > 0, Catalog_EmptyField("spotifyTrackId"));
        require(clip.clipEndMs > clip.clipStartMs, Catalog_EmptyClip(clip.clipStartMs, clip.clipEndMs));
        clipHash = clipHashOf(clip.spotifyTrackId, clip.clipStartMs);
        bytes15 digest = bytes15(keccak256(abi.encode(clip)));
        Said storage said = _said[clipHash];
        if (said.registered == digest) return clipHash;
        said.registered = digest;
        emit ClipRegistered(
            clipHash,
            clip.grc20WorkId,
            clip.spotifyTrackId,
            clip.clipStartMs,
            clip.clipEndMs,
            clip.metadataUri,
            msg.sender,
            uint64(block.timestamp)
        );
    }

    function _setEmitter(address emitter, bool isAllowed) private {
        if (isEmitter[emitter] == isAllowed) return;
        isEmitter[emitter] = isAllowed;
        emit EmitterChanged(emitter, isAllowed);
    }
}
