"""The vocabulary of the access rules in the cases: who calls, and what the call returns.

The rules themselves are in `tests/areas/<area>/case.py`. A new kind of caller is a new field of
`Row` and an entry of `CALLERS`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from tradepost.areas.accounts.policy import ROLES


class Outcome(StrEnum):
    """The outcome of a call."""

    ALLOWED = "allowed"
    UNKNOWN = "refused with 401"
    FORBIDDEN = "refused with 403"
    HIDDEN = "as if the row did not exist"


A, U, F, H = Outcome


@dataclass(frozen=True)
class Row:
    """The outcome for each kind of caller.

    Rows that belong to a user belong to `customer`; `other` is another customer. The two keys have
    fewer permissions than their owner: an admin's key with no scope, and a staff member's key with
    the scope `catalog:write` only. `guest` has the token of a cart and no credential: rows that
    belong to a guest belong to it. By default a guest is treated as an anonymous caller.
    """

    anonymous: Outcome
    customer: Outcome
    other: Outcome
    moderator: Outcome
    staff: Outcome
    admin: Outcome
    empty_key: Outcome
    catalog_key: Outcome
    guest: Outcome | None = None

    def of(self, caller: str) -> Outcome:
        """Return the outcome for a kind of caller."""
        return asdict(self)[caller] or self.anonymous


@dataclass(frozen=True)
class Kind:
    """A kind of caller: a logged-in user with a role, or a key of such a user with `scopes`.

    has_cart: it sends the token of a cart.
    """

    role: str
    scopes: tuple[str, ...] | None = None
    has_cart: bool = False

    @property
    def permissions(self) -> frozenset[str]:
        """The caller's permissions."""
        return ROLES.get(self.role, frozenset()) if self.scopes is None else frozenset(self.scopes)

    @property
    def is_authenticated(self) -> bool:
        """Whether the caller has a credential."""
        return self.role != "anonymous"


CALLERS = {
    **{role: Kind(role) for role in ("anonymous", "customer")},
    "other": Kind("customer"),
    **{role: Kind(role) for role in ("moderator", "staff", "admin")},
    "empty_key": Kind("admin", ()),
    "catalog_key": Kind("staff", ("catalog:write",)),
    "guest": Kind("anonymous", has_cart=True),
}

# In order: anonymous, customer, other customer, moderator, staff, admin, empty key, catalog key
OPEN_TO_ALL = Row(A, A, A, A, A, A, A, A)
FOR_EDITORS = Row(U, F, F, F, A, A, F, A)
SEEN_BY_EDITORS = Row(H, H, H, H, A, A, H, A)
SEEN_BY_STAFF = Row(H, H, H, H, A, A, H, H)
FOR_AUDITORS = Row(U, F, F, F, A, A, F, F)
FOR_STOCKKEEPERS = Row(U, F, F, F, A, A, F, F)
FOR_STAFF = Row(U, F, F, F, A, A, F, F)
FOR_ADMINS = Row(U, F, F, F, F, A, F, F)
FOR_USERS = Row(U, A, A, A, A, A, F, F)
"""Every user, on the user's own account."""
FOR_THE_OWNER = Row(U, A, H, H, H, H, F, F)
FOR_THE_OWNER_AND_STAFF = Row(U, A, H, H, A, A, F, F)
FOR_THE_OWNER_AND_ADMINS = Row(U, A, H, H, H, A, F, F)


@dataclass(frozen=True)
class Rule:
    """The outcome of an operation for each kind of caller.

    hidden: the outcome on a second row, which not every permitted caller sees.
    """

    shown: Row
    hidden: Row | None = None

    @property
    def hides_rows(self) -> bool:
        """Whether a row is hidden from a caller who may call the operation."""
        return self.hidden is not None or H in asdict(self.shown).values()


PUBLIC = Rule(OPEN_TO_ALL)
EDITORS = Rule(FOR_EDITORS)
DRAFTS_HIDDEN = Rule(OPEN_TO_ALL, SEEN_BY_EDITORS)
INACTIVE_HIDDEN = Rule(OPEN_TO_ALL, SEEN_BY_STAFF)
USERS = Rule(FOR_USERS)
OWNER = Rule(FOR_THE_OWNER)
OWNER_AND_STAFF = Rule(FOR_THE_OWNER_AND_STAFF)
OWNER_AND_ADMINS = Rule(FOR_THE_OWNER_AND_ADMINS)
STAFF_ONLY = Rule(FOR_STAFF)
ADMINS_ONLY = Rule(FOR_ADMINS)
AUDITORS_ONLY = Rule(FOR_AUDITORS)


@dataclass(frozen=True)
class Place:
    """Where a read is tried.

    key: the key in its path.
    seeks: the id of the row that it must return, or that a list must contain.
    filter: a filter of the list that finds the row.
    body: the body of a query.
    """

    key: str = ""
    seeks: str = ""
    filter: tuple[str, str] | None = None
    body: Mapping[str, str] = field(default_factory=dict[str, str])
