"""What every service stands on: reads in the caller's selection, typed finds and claims for the rules, and the answer of a write."""

from collections.abc import Awaitable, Mapping, Sequence
from enum import Enum
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import case, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from ..auth.access import Viewer
from ..db.base import Table
from ..ids import new_id, parse_id
from ..problems import InvalidTransition, PreconditionFailed
from ..query.records import Page, Record
from ..query.value_records import value_record
from ..resource.list_query import ListQuery
from ..resource.resource import ACTIONS, EmbeddedValue, Resource, Result
from ..resource.selection import FieldSet, Selection, check_access, default_selection
from ..schema.patch import Document, Patch, check_names, check_read_only
from ..schema.validation import validate
from ..writes import bulk
from ..writes.call_context import CallContext

type ExpectedVersion = int | tuple[int, ...] | None


class Service:
    """Rules over a context."""

    def __init__(self, context: CallContext) -> None:
        self.context = context

    @property
    def session(self) -> AsyncSession:
        """The open write; only operations that write have one."""
        assert self.context.work.session is not None, "not inside a write"
        return self.context.work.session

    async def one[S: msgspec.Struct](self, of: Resource[S], want: Selection[S], key: str) -> Record[S]:
        """The visible row with this id or other name, or 404."""
        by, value = of.parse_key(key)
        context = self.context
        found = await context.database.reads.one(context.reader, of, want, by, value, context)
        if found is None:
            raise of.not_found(key)
        return found

    def page[S: msgspec.Struct](self, of: Resource[S], want: Selection[S], window: ListQuery) -> Awaitable[Page[S]]:
        """A page of the visible rows."""
        context = self.context
        return context.database.reads.page(context.reader, of, want, window, context)

    async def related[S: msgspec.Struct](
        self, of: Resource[Any], key: str, relation: str, window: ListQuery, want: Selection[S]
    ) -> Page[S]:
        """A to-many relation of one visible row as a list of its own: the same SQL, order and cursors as below the row; or 404."""
        by, value = of.parse_key(key)
        context = self.context
        found = await context.database.reads.related(context.reader, of, by, value, relation, window, want, context)
        if found is None:
            raise of.not_found(key)
        return found

    async def find[S: msgspec.Struct](self, of: Resource[S], key: str) -> S:
        """The visible row as its own typed Struct, for a rule to look at; or 404."""
        return msgspec.json.decode(msgspec.json.encode((await self.one(of, _whole(of), key)).body), type=of.shape)

    async def lock_for_update[T: Table](
        self, row: type[T], of: Resource[Any], key: str, expected: ExpectedVersion = None
    ) -> T:
        """The visible row as an ORM object of this write, locked, where the operation is open on it, at an expected version; or 404, 409, 412.

        `expected` is a version, several of which one has to match, or none.
        """
        id = parse_id(key)
        if id is None:
            raise of.not_found(key)
        viewer = Viewer(self.context.caller.permissions, self.context.caller.is_authenticated)
        rule = of.actions.get(self.context.work.current_operation, lambda _: true())
        query = (
            select(row, case((rule(viewer), 1), else_=0))
            .where(row.id == id, of.visible(viewer))
            .with_for_update(of=row)
        )
        hit = (
            await self.session.execute(
                query, {"caller_id": self.context.caller.id}, execution_options={"populate_existing": True}
            )
        ).first()
        if hit is None:
            raise of.not_found(key)
        found: T = hit[0]
        check_version(getattr(found, "version", None), expected)
        if not hit[1]:
            raise InvalidTransition(
                f"`{self.context.work.current_operation}` is not open on this {of.label} now; see its `links` (GraphQL: `availableActions`)."
            )
        return found

    async def document(self, of: Resource[Any], key: str) -> Document:
        """The row's default representation without `links`: what a patch is applied to."""
        return msgspec.json.decode(
            msgspec.json.encode((await self.one(of, _plain(of, self.context.caller.permissions), key)).body)
        )

    async def apply_patch[I: msgspec.Struct](self, of: Resource[Any], key: str, patch: Patch, shape: type[I]) -> I:
        """The input that a patch of the row amounts to; the changed document is checked like a PUT."""
        before = await self.document(of, key)
        writable = frozenset([f.name for f in msgspec.structs.fields(shape)])
        check_names(patch, writable.union(before))
        return validate(shape, check_read_only(before, patch.apply(before), writable))

    async def insert(self, of: type[Table], *rows: Mapping[str, Any]) -> list[str]:
        """Inserts new rows by one statement, past the session: no rule holds them as objects. Their ids."""
        ids = [new_id(of.__number__) for _ in rows]
        await bulk.insert_rows(
            self.session, of, [{"id": id, **row} for id, row in zip(ids, rows, strict=True)], self.context.clock()
        )
        return ids

    def respond[S: msgspec.Struct](self, of: Result[S], value: S, want: Selection[S]) -> Record[S]:
        """A value that no row stands behind, in the caller's selection."""
        check_access(of, want.field_set.fields, self.context.caller)
        return value_record(of, value, want)

    def require[T](self, kind: type[T]) -> T:
        """What the shop provides of a type besides its database."""
        return self.context.dependencies.require(kind)

    async def read_back[S: msgspec.Struct](self, of: Resource[S], want: Selection[S], id: str) -> Record[S]:
        """What was written, read back through the write's own connection."""
        return await self.one(of, want, id)

    async def read_back_all[S: msgspec.Struct](
        self, of: Resource[S], want: Selection[S], ids: Sequence[str]
    ) -> dict[str, Record[S]]:
        """The same of several rows by their ids: as many statements as for one."""
        context = self.context
        return await context.database.reads.by_ids(context.reader, of, want, ids, context) if ids else {}


def check_version(present: int | None, expected: ExpectedVersion) -> None:
    """Refuses a change that was meant for another version of the row."""
    if expected is None or present in (expected if isinstance(expected, tuple) else (expected,)):
        return
    raise PreconditionFailed(f"The version is {present}; another one was expected.", version=present)


def apply_changes(row: Table, values: Mapping[str, Any]) -> list[str]:
    """Sets the values that differ, and names them."""
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    return changed


def changed_members(of: Resource[Any], changed: Sequence[str]) -> list[str]:
    """Changed columns as the members that callers know, each once: `price` for `price_amount`. What no member shows is left out."""
    names = {column: name for name, own in _embedded(of).items() for column, _ in own}
    return list(dict.fromkeys([name for name in [names.get(c, c) for c in changed] if name in of.members]))


def column_values(of: Resource[Any], given: msgspec.Struct, *leave: str) -> dict[str, Any]:
    """An input shape as column values: unset members left out, embedded values flattened, enums and ids as text."""
    out, embedded = dict[str, Any](), _embedded(of)
    for name, value in msgspec.structs.asdict(given).items():
        if value is msgspec.UNSET or name in leave:
            continue
        if (own := embedded.get(name)) is not None:
            out |= {column: getattr(value, member, None) for column, member in own}
        else:
            out[name] = (
                value if not isinstance(value, UUID | Enum) else str(value) if isinstance(value, UUID) else value.value
            )
    return out


@cache
def _embedded(of: Resource[Any]) -> dict[str, list[tuple[str, str]]]:
    """The columns of the embedded values, each with the member that it holds."""
    return {
        name: [(f"{name}_{member}", member) for member in own.members]
        for name, own in of.members.items()
        if isinstance(own, EmbeddedValue)
    }


@lru_cache(maxsize=1000)
def _plain(of: Resource[Any], permissions: frozenset[str]) -> Selection[Any]:
    """The default representation without its actions. It is one Selection for all calls, because the Structs of its records are generated for it."""
    want = default_selection(of, permissions)
    return Selection(FieldSet(tuple([f for f in want.field_set.fields if f.name != ACTIONS])), want.list_queries)


@lru_cache(maxsize=1000)
def _whole(of: Resource[Any]) -> Selection[Any]:
    """The same with the fields that only some may see."""
    fields = default_selection(
        of, frozenset([a.permission for a in of.field_access.values() if a.permission])
    ).field_set.fields
    return Selection(FieldSet(tuple([f for f in fields if f.name != ACTIONS])))
