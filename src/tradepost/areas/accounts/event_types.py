"""The events of accounts: what happened, never an address or a secret."""

from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from tradepost.kit.writes.event_types import ChangedMembers, EventType, row_event_types

from . import policy
from .resource import addresses, api_keys, users
from .schemas import Role


class NewUser(Struct, forbid_unknown_fields=True):
    """The role of the account, if it was created on the command line."""

    role: Role | UnsetType = UNSET


class ChangedRole(Struct, forbid_unknown_fields=True):
    """The new role of the account."""

    role: Role


class SessionOfUser(Struct, forbid_unknown_fields=True):
    """The account that the session belongs to."""

    user_id: UUID


ACCOUNT, USERS = policy.read_own_account, policy.read_users

EVENT_TYPES = [
    EventType("user.registered", users, "An account was created.", NewUser, ACCOUNT),
    EventType(
        "user.registration_repeated", users, "Somebody registered the address of an existing account.", access=ACCOUNT
    ),
    EventType("user.updated", users, "An account was changed.", ChangedMembers, ACCOUNT),
    EventType("user.role_changed", users, "An account got another role.", ChangedRole, ACCOUNT),
    EventType("user.suspended", users, "An account was suspended.", access=USERS),
    EventType("user.restored", users, "A suspended account was restored.", access=ACCOUNT),
    EventType("user.closed", users, "An account was closed.", access=USERS),
    EventType("user.email_verified", users, "The e-mail address of an account was verified.", access=ACCOUNT),
    EventType(
        "user.email_verification_requested",
        users,
        "An e-mail to verify the address of an account was requested.",
        access=ACCOUNT,
    ),
    EventType("user.email_change_requested", users, "Another e-mail address was requested.", access=ACCOUNT),
    EventType("user.password_changed", users, "The password of an account was changed.", access=ACCOUNT),
    EventType("user.logged_out", users, "All sessions of an account were ended.", access=ACCOUNT),
    EventType("password_reset.requested", None, "An e-mail to reset a password was requested.", access=USERS),
    EventType("session.begun", None, "A session began with a log-in.", SessionOfUser, USERS),
    EventType("session.continued", None, "A session was continued with a refresh token.", SessionOfUser, USERS),
    EventType("session.ended", None, "A session was ended.", access=USERS),
    EventType("session.stolen", None, "A session was ended because a refresh token was used twice.", access=USERS),
    EventType("api_key.created", api_keys, "An API key was created.", access=ACCOUNT),
    EventType("api_key.revoked", api_keys, "An API key was revoked.", access=ACCOUNT),
    EventType("api_key.token_granted", api_keys, "A token was granted to an API key.", access=ACCOUNT),
    *row_event_types(addresses, ACCOUNT),
]
