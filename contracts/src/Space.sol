// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Writers} from "./Writers.sol";

/// @title Edits of metadata spaces
/// @notice Records that an edit was published in a space; the edit itself is stored under its content id.
contract Space is Writers {
    mapping(bytes32 key => bool) private _isPublished;

    /// @notice An edit was published.
    /// @param spaceId The space that it changes.
    /// @param author Who published it.
    /// @param cid Where it is stored.
    event EditPublished(bytes16 indexed spaceId, address indexed author, string cid);

    /// @notice Every space has an id other than zero.
    error Space_ZeroSpaceId();
    /// @notice An edit is found by its content id.
    error Space_EmptyCid();

    /// @param writer The first address that may publish; zero for nobody.
    constructor(address writer) Writers(writer) {}

    /// @notice Publishes an edit. The same edit in the same space again emits nothing, whoever sends it.
    /// @param spaceId The space that it changes.
    /// @param cid Where it is stored.
    function publishEdit(bytes16 spaceId, string calldata cid) external onlyWriter {
        require(spaceId != bytes16(0), Space_ZeroSpaceId());
        require(bytes(cid).length > 0, Space_EmptyCid());
        bytes32 key = _keyOf(spaceId, cid);
        if (_isPublished[key]) return;
        _isPublished[key] = true;
        emit EditPublished(spaceId, msg.sender, cid);
    }

    /// @notice Whether an edit was published in a space.
    /// @param spaceId The space.
    /// @param cid Where the edit is stored.
    /// @return Whether it was.
    function isPublished(bytes16 spaceId, string calldata cid) external view returns (bool) {
        return _isPublished[_keyOf(spaceId, cid)];
    }

    function _keyOf(bytes16 spaceId, string calldata cid) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(spaceId, cid));
    }
}
