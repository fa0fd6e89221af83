"""The base class of services: reads in the caller's selection, and locked rows for writes."""

from collections.abc import Awaitable, Mapping, Sequence
from enum import Enum
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import case, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from ..auth.access import Viewer, identity_values
from ..cache_registry import registered_cache
from ..db.base import Table
from ..ids import new_id
from ..problems import InvalidTransition, PreconditionFailed
from ..query.records import Page, Record
from ..query.value_records import value_record
from ..resource.list_query import ListQuery
from ..resource.resource import ACTIONS, EmbeddedValue, Resource, Result
from ..resource.selection import FieldSet, Selection, check_access, default_selection
from ..resource.value_columns import LeafColumn, resource_columns
from ..schema.patch import Document, Patch, check_names, check_read_only
from ..schema.rate import parts_per_million
from ..schema.struct_fields import Member
from ..schema.validation import validate
from ..schema.wire_form import wire_form
from ..writes import bulk
from ..writes.call_context import CallContext
from ..writes.unit_of_work import Step, StepRunner

type ExpectedVersion = int | tuple[int, ...] | None
"""The version that a row must have, several of which it must have one, or None for any."""


class Service:
    """Business rules, for one call."""

    def __init__(self, context: CallContext) -> None:
        self.context = context

    @property
    def session(self) -> AsyncSession:
        """The session of the open write."""
        return self.context.session

    @property
    def viewer(self) -> Viewer:
        """The caller, as the visible rows of a resource depend on it."""
        caller = self.context.caller
        return Viewer(caller.permissions, caller.is_authenticated, self.context.database.reads.rule_settings)

    @property
    def viewer_values(self) -> dict[str, str | None]:
        """The values of the viewer's bind parameters."""
        return identity_values(self.context.caller)

    async def in_transaction[R](self, step: Step[R]) -> R:
        """Run a step in a transaction of its own, in an operation with manual transactions.

        Its events are handled, lost races are retried, and no session is open afterwards.
        """
        return await self._steps.run(step)

    async def in_last_transaction[R](self, step: Step[R]) -> R:
        """Run the step that returns the operation's record, in the last transaction.

        It also stores the outcome of the idempotency key. The operation returns the answer.
        """
        return await self._steps.run_last(step)

    @property
    def _steps(self) -> StepRunner:
        steps = self.context.work.manual
        if steps is None:
            raise RuntimeError(f"`{self.context.work.root_operation}` does not have manual transactions")
        return steps

    async def one[S: msgspec.Struct](self, resource: Resource[S], selection: Selection[S], key: str) -> Record[S]:
        """Return the visible row with this id or slug, or raise NotFound."""
        column, value = resource.parse_key(key)
        context = self.context
        preloaded = context.preloaded
        if preloaded is not None and preloaded.resource is resource and preloaded.selection is selection:
            record = preloaded.records.get(value)
        else:
            record = await context.database.reads.one(context.reader, resource, selection, column, value, context)
        if record is None:
            raise resource.not_found(key)
        return record

    def page[S: msgspec.Struct](
        self, resource: Resource[S], selection: Selection[S], list_query: ListQuery
    ) -> Awaitable[Page[S]]:
        """Return a page of the visible rows."""
        context = self.context
        return context.database.reads.page(context.reader, resource, selection, list_query, context)

    async def related[S: msgspec.Struct](
        self, resource: Resource[Any], key: str, relation: str, list_query: ListQuery, selection: Selection[S]
    ) -> Page[S]:
        """Return a to-many relation of a visible row as a list, or raise NotFound.

        SQL, order and cursors are those of the nested list.
        """
        column, value = resource.parse_key(key)
        context = self.context
        page = await context.database.reads.related(
            context.reader, resource, column, value, relation, list_query, selection, context
        )
        if page is None:
            raise resource.not_found(key)
        return page

    async def find[S: msgspec.Struct](self, resource: Resource[S], key: str) -> S:
        """Return the visible row as a typed Struct, for a business rule, or raise NotFound."""
        record = await self.one(resource, _all_members(resource), key)
        return msgspec.json.decode(msgspec.json.encode(record.body), type=resource.shape)

    async def lock_for_update[T: Table](
        self, model: type[T], resource: Resource[Any], key: str, expected: ExpectedVersion = None
    ) -> T:
        """Lock the visible row with this id or slug and return it as an ORM object.

        Raise NotFound, PreconditionFailed if its version is not an expected one, or
        InvalidTransition if the current operation is not open on it.
        """
        column, value = resource.parse_key(key)
        viewer, operation = self.viewer, self.context.work.current_operation
        policy = resource.actions.get(operation, lambda _: true())
        query = (
            select(model, case((policy(viewer), 1), else_=0))
            .where(getattr(model, column) == value, resource.visible(viewer))
            .with_for_update(of=model)
        )
        options = {"populate_existing": True}
        result = await self.session.execute(query, self.viewer_values, execution_options=options)
        first = result.first()
        if first is None:
            raise resource.not_found(key)
        row: T = first[0]
        check_version(getattr(row, "version", None), expected)
        if not first[1]:
            raise InvalidTransition(_refusal(resource, operation, row))
        return row

    async def lock_for_step[T: Table](
        self, model: type[T], resource: Resource[Any], key: str, expected: ExpectedVersion = None
    ) -> T:
        """Lock the row, move its status by the current operation's step, and write it."""
        row = await self.lock_for_update(model, resource, key, expected)
        assert resource.transitions is not None
        resource.transitions.move(row, self.context.work.current_operation)
        await self.session.flush()
        return row

    async def document(self, resource: Resource[Any], key: str) -> Document:
        """Return the row's default representation without `links`, which patches apply to."""
        record = await self.one(resource, _without_actions(resource, self.context.caller.permissions), key)
        return msgspec.json.decode(msgspec.json.encode(record.body))

    async def apply_patch[I: msgspec.Struct](
        self, resource: Resource[Any], key: str, patch: Patch, shape: type[I]
    ) -> I:
        """Return the input that a patch of the row results in, validated like the body of a PUT."""
        before = await self.document(resource, key)
        writable = frozenset([f.name for f in msgspec.structs.fields(shape)])
        check_names(patch, writable.union(before))
        return validate(shape, check_read_only(before, patch.apply(before), writable), stored=before)

    async def insert(self, model: type[Table], *rows: Mapping[str, Any]) -> list[str]:
        """Insert rows by one statement, without ORM objects, and return their ids."""
        rows_with_ids = [{"id": new_id(model.__number__), **row} for row in rows]
        await bulk.insert_rows(self.session, model, rows_with_ids, self.context.clock())
        return [row["id"] for row in rows_with_ids]

    def respond[S: msgspec.Struct](self, result: Result[S], value: S, selection: Selection[S]) -> Record[S]:
        """Return a plain Struct in the caller's selection."""
        check_access(result, selection.field_set.fields, self.context.caller)
        return value_record(result, value, selection)

    async def read_back[S: msgspec.Struct](self, resource: Resource[S], selection: Selection[S], id: str) -> Record[S]:
        """Return a row that was written, read through the write's own connection."""
        return await self.one(resource, selection, id)

    async def read_back_all[S: msgspec.Struct](
        self, resource: Resource[S], selection: Selection[S], ids: Sequence[str]
    ) -> dict[str, Record[S]]:
        """Return several rows that were written, by id, in as many statements as one row takes."""
        context = self.context
        return await context.database.reads.by_ids(context.reader, resource, selection, ids, context) if ids else {}


def check_version(current: int | None, expected: ExpectedVersion) -> None:
    """Raise PreconditionFailed if the row does not have an expected version."""
    versions = expected if isinstance(expected, tuple) else (expected,)
    if expected is None or current in versions:
        return
    if versions:
        detail = f"The current version is {current}, but version {' or '.join(map(str, versions))} was expected."
    else:
        detail = f"The current version is {current}, which is not the expected one."
    raise PreconditionFailed(detail, version=current)


def apply_changes(row: Table, values: Mapping[str, Any]) -> list[str]:
    """Set the values that differ and return their names."""
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    return changed


def changed_members(resource: Resource[Any], changed: Sequence[str]) -> list[str]:
    """Return changed columns as the members that clients know: `price` for `price_amount`.

    Each is named once, in the order of the resource; columns that no member shows are left out.
    """
    names = {leaf.name: name for name, leaves in _leaf_columns(resource).items() for leaf in leaves}
    members = {names.get(column, column) for column in changed}
    return [name for name in resource.members if name in members]


def column_values(resource: Resource[Any], input: msgspec.Struct, *excluded: str) -> dict[str, Any]:
    """Return an input as column values.

    Unset members are left out, embedded values are flattened, enums and ids become text, rates
    become parts per million, and lists of values JSON. Leaves that are expressions have no column.
    """
    values, leaves_by_member = dict[str, Any](), _leaf_columns(resource)
    for name, value in msgspec.structs.asdict(input).items():
        if value is msgspec.UNSET or name in excluded:
            continue
        if (leaves := leaves_by_member.get(name)) is not None:
            values |= {leaf.name: _column_value(leaf.get(value), leaf.member) for leaf in leaves}
        else:
            values[name] = _column_value(value, resource.members.get(name))
    return values


def _column_value(value: Any, member: EmbeddedValue | Member | None) -> Any:
    """Return what the column of a leaf holds for a value."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(member, EmbeddedValue):
        return wire_form(value)
    return parts_per_million(value) if member is not None and member.is_rate and value is not None else value


@cache
def _leaf_columns(resource: Resource[Any]) -> dict[str, list[LeafColumn]]:
    """Return the columns of each embedded value."""
    columns = resource.table.c
    return {
        name: [leaf for leaf in leaves if leaf.name in columns] for name, leaves in resource_columns(resource).items()
    }


def _refusal(resource: Resource[Any], operation: str, row: Any) -> str:
    """Return why an operation is not open on a row that the caller sees."""
    table = resource.transitions
    if table is not None and operation in table.steps:
        status: str = getattr(row, table.column.key)
        if status not in table.steps[operation].sources:
            return table.refusal(operation, status)
    return f"`{operation}` is not possible on this {resource.label} now; see its `links` (GraphQL: `availableActions`)."


@registered_cache("patched_documents", 20_000)
@lru_cache(maxsize=100)
def _without_actions(resource: Resource[Any], permissions: frozenset[str]) -> Selection[Any]:
    """Return the default selection without the actions and without relations.

    Cached, because the Structs of the records are generated for this one Selection.
    """
    selection = default_selection(resource, permissions, with_relations=False)
    fields = [f for f in selection.field_set.fields if f.name != ACTIONS]
    return Selection(FieldSet(tuple(fields)), selection.list_queries)


@registered_cache("whole_rows", 20_000)
@lru_cache(maxsize=100)
def _all_members(resource: Resource[Any]) -> Selection[Any]:
    """Return the members of the resource's Struct, also those that need a permission."""
    permissions = frozenset([a.permission for a in resource.field_access.values() if a.permission])
    fields = default_selection(resource, permissions, with_relations=False).field_set.fields
    return Selection(FieldSet(tuple([f for f in fields if f.name != ACTIONS and f.name not in resource.added_types])))
