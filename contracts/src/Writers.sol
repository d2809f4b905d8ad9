// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Owned} from "./Owned.sol";

/// @title A registry's list of those who may write
/// @notice The owner keeps the list; being the owner alone does not allow writing.
abstract contract Writers is Owned {
    /// @notice Whether an address may write.
    mapping(address writer => bool isAllowed) public isWriter;

    /// @notice An address was let in or shut out.
    /// @param writer Whom it concerns.
    /// @param isAllowed Whether it may write from now on.
    event WriterChanged(address indexed writer, bool isAllowed);

    /// @notice Only those on the list may do this; the owner calls `setWriter`.
    /// @param sender Who tried.
    error Writers_NotWriter(address sender);
    /// @notice The zero address signs nothing, so it cannot write.
    error Writers_ZeroWriter();

    /// @dev Lets only writers through.
    modifier onlyWriter() {
        require(isWriter[msg.sender], Writers_NotWriter(msg.sender));
        _;
    }

    /// @param writer The first address on the list; zero leaves it empty.
    constructor(address writer) {
        if (writer != address(0)) _setWriter(writer, true);
    }

    /// @notice Lets an address write, or stops it. Repeating what holds already emits nothing.
    /// @param writer Whom it concerns.
    /// @param isAllowed Whether it may write from now on.
    function setWriter(address writer, bool isAllowed) external onlyOwner {
        require(writer != address(0), Writers_ZeroWriter());
        _setWriter(writer, isAllowed);
    }

    function _setWriter(address writer, bool isAllowed) private {
        if (isWriter[writer] == isAllowed) return;
        isWriter[writer] = isAllowed;
        emit WriterChanged(writer, isAllowed);
    }
}
