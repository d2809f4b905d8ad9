// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title One owner, handed over in two steps
/// @notice The owner offers, the receiver accepts: ownership never ends at an address nobody can sign for.
abstract contract Owned {
    /// @notice Who may change the list of writers.
    address public owner;
    /// @notice To whom ownership is offered; zero when there is no offer.
    address public pendingOwner;

    /// @notice Ownership was offered, or the offer was withdrawn when `to` is zero.
    /// @param from The owner.
    /// @param to Who may accept.
    event OwnershipOffered(address indexed from, address indexed to);
    /// @notice Ownership has changed hands.
    /// @param from The owner before; zero for the first owner.
    /// @param to The owner from now on.
    event OwnershipTransferred(address indexed from, address indexed to);

    /// @notice Only the owner may do this.
    /// @param sender Who tried.
    error Owned_NotOwner(address sender);
    /// @notice Only the address that ownership is offered to may accept it.
    /// @param sender Who tried.
    error Owned_NotPendingOwner(address sender);

    /// @dev Lets only the owner through.
    modifier onlyOwner() {
        require(msg.sender == owner, Owned_NotOwner(msg.sender));
        _;
    }

    /// @notice Makes the deployer the first owner.
    constructor() {
        owner = msg.sender;
        emit OwnershipTransferred(address(0), msg.sender);
    }

    /// @notice Offers ownership. It changes hands when `to` calls `acceptOwnership`.
    /// @param to Who may accept; zero withdraws the offer.
    function transferOwnership(address to) external onlyOwner {
        pendingOwner = to;
        emit OwnershipOffered(msg.sender, to);
    }

    /// @notice Takes ownership that was offered to the sender.
    function acceptOwnership() external {
        require(msg.sender == pendingOwner, Owned_NotPendingOwner(msg.sender));
        address from = owner;
        owner = msg.sender;
        delete pendingOwner;
        emit OwnershipTransferred(from, msg.sender);
    }
}
