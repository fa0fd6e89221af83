"""The words of the access table: who calls, and what comes of it. Every room has its part in a file of its name beside this one.

A room's file says in `TABLE` for every operation what each kind of caller gets, in `MEMBERS` the same for members and relations with an
access of their own, and in `places` on which rows that is tried. A new kind of caller is a new column: a field of `Row`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from tradepost.areas.accounts.policy import ROLES


class Outcome(StrEnum):
    """What a caller gets."""

    ALLOWED = "allowed"
    UNKNOWN = "refused with 401"
    FORBIDDEN = "refused with 403"
    HIDDEN = "as if it were not there"


A, U, F, H = Outcome


@dataclass(frozen=True)
class Row:
    """The outcome for each kind of caller. What belongs to somebody belongs to `customer`, and `other` is another customer.

    The last two are API keys that may do less than their owner: one of an admin nothing, one of a member of the staff only `catalog:write`.
    """

    anonymous: Outcome
    customer: Outcome
    other: Outcome
    moderator: Outcome
    staff: Outcome
    admin: Outcome
    empty_key: Outcome
    catalog_key: Outcome

    def of(self, caller: str) -> Outcome:
        """The outcome for a kind of caller."""
        return asdict(self)[caller]


@dataclass(frozen=True)
class Kind:
    """A kind of caller: a user of a role who has logged in, or a program with a key of that user which is narrowed to `scopes`."""

    role: str
    scopes: tuple[str, ...] | None = None

    @property
    def permissions(self) -> frozenset[str]:
        """What such a caller may."""
        return ROLES.get(self.role, frozenset()) if self.scopes is None else frozenset(self.scopes)

    @property
    def known(self) -> bool:
        """Whether it comes with a credential."""
        return self.role != "anonymous"


CALLERS = {
    **{role: Kind(role) for role in ("anonymous", "customer")},
    "other": Kind("customer"),
    **{role: Kind(role) for role in ("moderator", "staff", "admin")},
    "empty_key": Kind("admin", ()),
    "catalog_key": Kind("staff", ("catalog:write",)),
}

# Who gets what:  anonymous, customer, other customer, moderator, staff, admin, empty key, catalog key
OPEN_TO_ALL = Row(A, A, A, A, A, A, A, A)
FOR_EDITORS = Row(U, F, F, F, A, A, F, A)
SEEN_BY_EDITORS = Row(H, H, H, H, A, A, H, A)
FOR_AUDITORS = Row(U, F, F, F, A, A, F, F)
FOR_STOCKKEEPERS = Row(U, F, F, F, A, A, F, F)
FOR_STAFF = Row(U, F, F, F, A, A, F, F)
FOR_ADMINS = Row(U, F, F, F, F, A, F, F)
FOR_USERS = Row(U, A, A, A, A, A, F, F)
"""Everybody with an account, on what is the own."""
FOR_THE_OWNER = Row(U, A, H, H, H, H, F, F)
FOR_THE_OWNER_AND_STAFF = Row(U, A, H, H, A, A, F, F)
FOR_THE_OWNER_AND_ADMINS = Row(U, A, H, H, H, A, F, F)


@dataclass(frozen=True)
class Rule:
    """What an operation gives. `hidden` is the outcome on another row, which some of those who may call it do not see."""

    shown: Row
    hidden: Row | None = None

    @property
    def hides(self) -> bool:
        """Whether one of the two says that something is hidden from those who may call it."""
        return self.hidden is not None or H in asdict(self.shown).values()


@dataclass(frozen=True)
class Place:
    """Where a read is tried: the key of its path, and for a list the row that has to be in it, with a filter that finds it.

    `given` is what an operation that asks by a body is asked.
    """

    key: str = ""
    seeks: str = ""
    filter: tuple[str, str] | None = None
    given: Mapping[str, str] = field(default_factory=dict[str, str])


# Operation -> where a shown row is, and where a hidden one.
type Places = dict[str, tuple[Place, Place | None]]
