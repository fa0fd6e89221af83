"""The types in which an area describes itself to the tests of both doors.

`tests/areas/<area>/case.py` holds one `AreaCase` called CASE, with an `EntityCase` per resource.
The general tests (access table, oracle, replays, statement counts, prices, audit, read cache)
iterate over the cases of all areas, so a new resource is described once and entered nowhere else.
`tests/areas/catalog/case/categories.py` is an example with every part.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from tests.factories import Json, unique
from tests.parity.access.table import Place, Row, Rule
from tests.parity.harness import ApiClient
from tests.users import ShopUser
from tradepost.app import TradepostApp

type TableRow = dict[str, Any]


def new_mark() -> str:
    """Return a text that no other row has. It is valid in a slug and in a SKU."""
    return unique("m").replace("-", "")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The sample rows of one resource. Some of them are hidden from some callers, if any can be.

    keys: keys of rows, for drawn questions: ids, slugs, and keys that do not exist.
    filter_values: values for each filter of the resource.
    shown, hidden: for each read, the row on which the access table tries the two rows of its Rule.
    rows: rows that the samples of later resources build on.
    """

    keys: Sequence[str] = ()
    filter_values: Mapping[str, Sequence[Any]] = field(default_factory=dict[str, Sequence[Any]])
    shown: Mapping[str, Place]
    hidden: Mapping[str, Place] = field(default_factory=dict[str, Place])
    rows: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class CaseContext:
    """The arguments of a case's functions.

    staff: a caller who may edit the catalogue.
    owner: the user to whom rows belong, if rows of the resource belong to a user.
    for_guest: rows that may belong to a guest belong to the one with `cart_token`, not to `owner`.
    mark: a text that no other row has. Texts that must be unique contain it; comparisons mask it.
    samples: in `sample`, the samples of the resources before this one.
    keys: in `many_rows`, the keys that the resources before this one returned.
    """

    app: TradepostApp
    staff: ApiClient
    owner: ShopUser
    mark: str = field(default_factory=new_mark)
    samples: Mapping[str, Sample] = field(default_factory=dict[str, Sample])
    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    for_guest: bool = False

    @property
    def cart_token(self) -> str:
        """The token of the guest's cart that a case creates with this context, if it creates one.

        The sample cart of a guest has it too, so that the guest of the access table sees that cart.
        """
        return f"tpc_{sha256(self.mark.encode()).hexdigest()[:43]}"

    async def create(self, path: str, body: Json, **params: str) -> Json:
        """Create a row through REST, as staff, and return it."""
        answer = await self.staff.rest("POST", path, json=body, params=params)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def read(self, path: str, **params: str) -> Json:
        """Read through REST, as staff."""
        answer = await self.staff.rest("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


type Keys = str | tuple[str, ...]
"""The parameters in a path, in its order: usually the key of one row. Empty if it has none."""

type Body = Json | Callable[[CaseContext], Json] | Callable[[CaseContext], Awaitable[Json]]
"""A request body. A function if it contains a mark, an id or a token."""


@dataclass(frozen=True)
class Fault:
    """An invalid body, and the problem that both doors return for it.

    pointers: the members that the problem names, as JSON pointers.
    """

    body: Body
    pointers: tuple[str, ...] = ()
    code: str = "validation"
    status: int = 422


@dataclass(frozen=True)
class ReadCase:
    """One operation that reads.

    access: who may call it, and which of the sample rows they see.
    statements: how many SQL statements it takes, by the fields selected, as REST writes them.
    path: its REST path, if it does not follow from its kind and its resource.
    method: its HTTP method, if it does not follow from its kind.
    body: the body of a query.
    """

    operation: str
    access: Rule
    statements: Mapping[str, int]
    path: str | None = None
    method: str | None = None
    body: Json | None = None


@dataclass(frozen=True)
class Webhook:
    """A signed request of a webhook: the parameter of its path, its body, and its headers."""

    key: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class WriteCase:
    """One operation that writes.

    access: who may call it.
    bodies: valid bodies, if it has an input. Tests that need only one use the first.
    batch_statuses: for a batch, the statuses of the items of each of the bodies.
    json_patches: valid JSON Patches (RFC 6902), for an update.
    faults: at least one invalid body, if it has an input.
    no_fault: why no body can be invalid at both doors.
    role: a role that may call it. `staff` is an API key; the others are users who have logged in.
    status: the status of the owner's account before the call.
    idempotent: whether it may be repeated with an idempotency key.
    path: its REST path, if it does not follow from its kind and its resource.
    method: its HTTP method, if it does not follow from its kind.
    row: creates the rows in its path and returns their keys, if `row` of the EntityCase of its path
        does not suffice: the path has two parameters, or the row must be in some state.
    leaves_traces: whether it writes events and an audit entry.
    shows_secrets: whether its answer has the secrets of its result, if the result has any.
    for_guests: whether the rows in its path and body may belong to a guest, who may then call it.
        The access table tries `guest` on such rows.
    cart_token: the token of a cart that every caller sends in `X-Cart-Token`.
    webhook: creates a valid request of a webhook, which has no input.
    """

    operation: str
    access: Rule
    bodies: Sequence[Body] = ()
    batch_statuses: Sequence[Sequence[int]] = ()
    json_patches: Sequence[list[Json]] = ()
    faults: Sequence[Fault] = ()
    no_fault: str = ""
    role: str = "staff"
    status: str = "active"
    idempotent: bool = True
    path: str | None = None
    method: str | None = None
    row: Callable[[CaseContext], Awaitable[Keys]] | None = None
    leaves_traces: bool = True
    shows_secrets: bool = True
    for_guests: bool = False
    cart_token: Callable[[CaseContext], str] | None = None
    webhook: Callable[[], Webhook] | None = None


class OracleView:
    """All tables, and who looks at them: what the functions of an OracleCase know."""

    def __init__(
        self,
        tables: Mapping[str, list[TableRow]],
        permissions: frozenset[str],
        user_id: str | None,
        cart_id: str | None,
    ) -> None:
        self.tables, self.permissions, self.user_id, self.cart_id = tables, permissions, user_id, cart_id
        self._by_id: dict[str, dict[str, TableRow]] = {}
        self._links: dict[tuple[str, tuple[str, ...]], set[tuple[Any, ...]]] = {}

    def row(self, table: str, id: str) -> TableRow:
        """Return a row by its id."""
        if table not in self._by_id:
            self._by_id[table] = {row["id"]: row for row in self.tables[table]}
        return self._by_id[table][id]

    def is_own(self, row: TableRow, cart: str) -> bool:
        """Whether a row belongs to the user, or to the guest by the column `cart`."""
        is_of_user = self.user_id is not None and row["customer_id"] == self.user_id
        return is_of_user or (self.cart_id is not None and row[cart] == self.cart_id)

    def has_row(self, table: str, **values: Any) -> bool:
        """Return whether a table has a row with these values."""
        columns = tuple(sorted(values))
        if (table, columns) not in self._links:
            self._links[table, columns] = {tuple([row[c] for c in columns]) for row in self.tables[table]}
        return tuple([values[c] for c in columns]) in self._links[table, columns]


@dataclass(frozen=True, kw_only=True)
class OracleCase:
    """The lists of a resource, stated a second time in Python, without looking at the source.

    visible: whether the viewer sees a row.
    order: the default sort keys.
    orders: those of lists below a row that have others, by operation.
    columns: the column of each filter and sort key that is not called as its column.
    filters: filters that do not compare one column.
    search_text: the text in which the filter `q` finds the beginnings of words.
    parents: for each list below a row, whether a row is in the list below this key.
    tables: further tables that these functions read, such as link tables.
    """

    visible: Callable[[OracleView, TableRow], bool] = lambda view, row: True
    order: tuple[str, ...] = ("-created_at",)
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    filters: Mapping[str, Callable[[OracleView, TableRow, Any], bool]] = field(default_factory=dict[str, Any])
    search_text: Callable[[OracleView, TableRow], str] | None = None
    parents: Mapping[str, Callable[[OracleView, TableRow, str], bool]] = field(default_factory=dict[str, Any])
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ResultCase:
    """A result of operations that is in no table: tokens, an acknowledgement, a price.

    name: the name of the Result.
    answer: the fields that answers of its writes are compared by, as REST writes them.
    reads, writes: operations. They may be listed in any case of their area.
    """

    name: str
    answer: str = "id"
    reads: Sequence[ReadCase] = ()
    writes: Sequence[WriteCase] = ()


@dataclass(frozen=True, kw_only=True)
class EntityCase(ResultCase):
    """One resource.

    plural: the name of its collection in REST and GraphQL.
    path: the path of its collection, if that is not `/<plural>`.
    sample: creates the sample rows.
    oracle: what its lists contain. None if no questions are drawn about it; `not_drawn` says why.
    members: who may read the members and relations that have an access rule of their own.
    open_actions: for a sample row, the actions that are open to each kind of caller. If not given,
        these are the actions that the caller may call at all.
    row: creates a row for a write and returns its key. Rows with equal marks are equal.
    many_rows: creates more than 100 rows, one of them with more than a page of rows below it if
        there are relations, and returns the key of that one. By default calls `row`.
    set_status: puts a row into a status of its state machine, if that takes more than the column of
        the status.
    replayed: the fields in which replays are compared, with aliases and relations. By default
        the id and the fields of `answer`.
    bad_values: for each member of the inputs of its creates and updates, values of which some are
        invalid.
    """

    plural: str
    path: str | None = None
    sample: Callable[[CaseContext], Awaitable[Sample]]
    oracle: OracleCase | None = None
    not_drawn: str = ""
    members: Mapping[str, Row] = field(default_factory=dict[str, Row])
    open_actions: Mapping[str, set[str]] | None = None
    row: Callable[[CaseContext], Awaitable[str]] | None = None
    many_rows: Callable[[CaseContext], Awaitable[str]] | None = None
    set_status: Callable[[CaseContext, str, str], Awaitable[None]] | None = None
    replayed: str | None = None
    bad_values: Mapping[str, Sequence[Any]] = field(default_factory=dict[str, Sequence[Any]])

    @property
    def collection_path(self) -> str:
        """The path of its list, without the version."""
        return self.path or f"/{self.plural.replace('_', '-')}"


@dataclass(frozen=True, kw_only=True)
class AdditionCase:
    """What an area adds to a resource of an earlier area.

    name: the name of that resource.
    members: who may read the added members and relations that have an access rule of their own.
    filter_values: values for each added filter, which the sample rows of the area exist for.
    filters, columns, tables: as in an OracleCase.
    """

    name: str
    members: Mapping[str, Row] = field(default_factory=dict[str, Row])
    filter_values: Mapping[str, Sequence[Any]] = field(default_factory=dict[str, Sequence[Any]])
    filters: Mapping[str, Callable[[OracleView, TableRow, Any], bool]] = field(default_factory=dict[str, Any])
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    tables: tuple[str, ...] = ()

    def add_to(self, entity: EntityCase) -> EntityCase:
        """Return the case of the resource with what is added to it."""
        oracle = entity.oracle and replace(
            entity.oracle,
            filters={**entity.oracle.filters, **self.filters},
            columns={**entity.oracle.columns, **self.columns},
            tables=(*entity.oracle.tables, *self.tables),
        )

        async def sample(context: CaseContext) -> Sample:
            rows = await entity.sample(context)
            return replace(rows, filter_values={**rows.filter_values, **self.filter_values})

        return replace(entity, oracle=oracle, members={**entity.members, **self.members}, sample=sample)


@dataclass(frozen=True, kw_only=True)
class AreaCase:
    """All resources of an area, in the order in which their sample rows are created."""

    entities: Sequence[EntityCase]
    results: Sequence[ResultCase] = ()
    additions: Sequence[AdditionCase] = ()
