"""The words of the access table: who calls, and what comes of it. Every room has its part in a file of its name beside this one.

A room's file says in `TABLE` for every operation what each kind of caller gets, in `MEMBERS` the same for members and relations with an
access of their own, and in `places` on which rows that is tried. A new kind of caller is a new column: a field of `Row`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from tradepost.areas.accounts.policy import ROLES
from tradepost.kit.caller import Caller

SOMEBODY = "01890a5d-ac96-774b-bcce-b302099a800a"


class Outcome(StrEnum):
    """What a caller gets."""

    ALLOWED = "allowed"
    UNKNOWN = "refused with 401"
    FORBIDDEN = "refused with 403"
    HIDDEN = "as if it were not there"


A, U, F, H = Outcome


@dataclass(frozen=True)
class Row:
    """The outcome for each kind of caller. The last two are API keys that may do less than their owner: one nothing, one only `catalog:write`."""

    anonymous: Outcome
    customer: Outcome
    moderator: Outcome
    staff: Outcome
    admin: Outcome
    empty_key: Outcome
    catalog_key: Outcome

    def of(self, caller: str) -> Outcome:
        """The outcome for a kind of caller."""
        return asdict(self)[caller]


# Those that come through the doors: by no credential, or by a key of their role.
COMING = ("anonymous", "customer", "moderator", "staff", "admin")
CALLERS = {
    "anonymous": Caller(),
    **{role: Caller(id=SOMEBODY, role=role, permissions=ROLES[role]) for role in COMING[1:]},
    # Keys cannot be narrowed yet, so these two call the services only.
    "empty_key": Caller(id=SOMEBODY, role="admin"),
    "catalog_key": Caller(id=SOMEBODY, role="admin", permissions=frozenset({"catalog:write"})),
}

# Who gets what:  anonymous, customer, moderator, staff, admin, empty key, catalog key
OPEN_TO_ALL = Row(A, A, A, A, A, A, A)
FOR_EDITORS = Row(U, F, F, A, A, F, A)
SEEN_BY_EDITORS = Row(H, H, H, A, A, H, A)
FOR_AUDITORS = Row(U, F, F, A, A, F, F)
FOR_STOCKKEEPERS = Row(U, F, F, A, A, F, F)


@dataclass(frozen=True)
class Rule:
    """What an operation gives. `hidden` is the outcome on a row that some of those who may call it do not see."""

    shown: Row
    hidden: Row | None = None


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
