// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Writers} from "./Writers.sol";

/// @title Accounts with handles
/// @notice Gives a wallet an account under a handle that nobody else has. An account never changes hands.
contract Accounts is Writers {
    uint256 private constant MIN_HANDLE_LENGTH = 3;
    uint256 private constant MAX_HANDLE_LENGTH = 30;

    mapping(address account => address owner) private _ownerOf;

    /// @notice An account was created.
    /// @param account Its address, which follows from this contract's address and the handle.
    /// @param owner The wallet it belongs to.
    /// @param handle Its name.
    /// @param metadataUri Where its description is stored; empty when it has none.
    event AccountCreated(address indexed account, address indexed owner, string handle, string metadataUri);

    /// @notice An account belongs to somebody.
    error Accounts_ZeroOwner();
    /// @notice A handle has 3 to 30 characters of a-z, 0-9 and `-`, and neither begins nor ends with `-`.
    /// @param handle What came instead.
    error Accounts_HandleInvalid(string handle);
    /// @notice The handle belongs to another wallet.
    /// @param handle The handle.
    /// @param owner Whose it is.
    error Accounts_HandleTaken(string handle, address owner);

    /// @param writer The first address that may create accounts; zero for nobody.
    constructor(address writer) Writers(writer) {}

    /// @notice Creates an account. The same owner and handle again return the account and emit nothing, whatever the
    /// description says.
    /// @param holder The wallet it belongs to.
    /// @param handle Its name.
    /// @param metadataUri Where its description is stored; empty when it has none.
    /// @return account Its address, which follows from this contract's address and the handle.
    function createAccount(address holder, string calldata handle, string calldata metadataUri)
        external
        onlyWriter
        returns (address account)
    {
        require(holder != address(0), Accounts_ZeroOwner());
        require(_isHandle(bytes(handle)), Accounts_HandleInvalid(handle));
        account = _addressOf(handle);
        address current = _ownerOf[account];
        if (current == holder) return account;
        require(current == address(0), Accounts_HandleTaken(handle, current));
        _ownerOf[account] = holder;
        emit AccountCreated(account, holder, handle, metadataUri);
    }

    /// @notice Finds an account by its handle.
    /// @param handle Its name.
    /// @return account Its address; zero when nobody has the handle.
    /// @return holder The wallet it belongs to; zero when nobody has the handle.
    function accountOf(string calldata handle) external view returns (address account, address holder) {
        account = _addressOf(handle);
        holder = _ownerOf[account];
        if (holder == address(0)) account = address(0);
    }

    function _addressOf(string calldata handle) private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(address(this), handle)))));
    }

    function _isHandle(bytes calldata handle) private pure returns (bool) {
        uint256 length = handle.length;
        if (length < MIN_HANDLE_LENGTH || length > MAX_HANDLE_LENGTH) return false;
        if (handle[0] == "-" || handle[length - 1] == "-") return false;
        for (uint256 index = 0; index < length; ++index) {
            bytes1 character = handle[index];
            bool isLetter = character >= "a" && character <= "z";
            bool isDigit = character >= "0" && character <= "9";
            if (!isLetter && !isDigit && character != "-") return false;
        }
        return true;
    }
}
