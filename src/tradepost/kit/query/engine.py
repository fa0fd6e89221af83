"""Reads: a plan's statements run through a reader, their rows made into records."""

from collections.abc import Sequence
from secrets import token_hex
from typing import Any, Protocol

import msgspec

from ..auth.access import Viewer
from ..auth.caller import Caller
from ..lru import LRUCache
from ..problems import InvalidParameter
from ..rate_limit.meter import Meter
from ..resource.list_query import DEFAULT_PAGE_SIZE, ListQuery, ListQueryShape
from ..resource.resource import Resource
from ..resource.selection import FieldSet, Selection, relation_selection
from .compiler import BY_IDS, PlanCompiler
from .cursors import CursorCodec
from .plan import Level, Plan, PlanKey
from .readers.protocol import Reader
from .records import EMPTY_SLICE, Page, Record, RowsByParent, StoredRecord
from .replayed_rows import has_all_members, place_joined_row, rebuild_row, target_id, to_one_relations
from .row_count import count_related_rows
from .source_tables import ReadDependencies

INLINE_ROWS, MAX_PLANS = 2000, 2000
ONE_TIME_SECRET = "shown_once"
"""The bind of a member that no column holds: the secret of what a call makes, in that call's answer."""


class ReadScope(Protocol):
    """What the engine has to know of the call that reads; a CallContext is one."""

    @property
    def caller(self) -> Caller:
        """Who reads."""
        ...

    @property
    def meter(self) -> Meter:
        """Counts the plans that were compiled."""
        ...

    @property
    def one_time_secret(self) -> str | None:
        """A secret that this call made, shown in its own answer."""
        ...

    @property
    def read_dependencies(self) -> ReadDependencies | None:
        """Where to record what is read, if the answer may be cached."""
        ...


class ReadEngine:
    """The read engine of one database: plans, cursors' secret, and how a call's values become arguments."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.plans = LRUCache[PlanKey, Plan](MAX_PLANS)

    def plan(
        self,
        of: Resource[Any],
        want: Selection[Any],
        by: str | None,
        window: ListQuery | None,
        context: ReadScope,
        reader: Reader,
    ) -> Plan:
        """The plan of a selection for callers of this kind; compiled once, on the meter of the call that needs it."""
        asked = (self, of, by, window, context.caller.permissions, context.caller.is_authenticated)
        if (last := want.last_plan) is not None and last[0] == asked:
            return last[1]
        found = self._plan(of, want, by, window.shape if window is not None else None, context, reader)
        want.last_plan = asked, found
        return found

    def _plan(
        self,
        of: Resource[Any],
        want: Selection[Any],
        by: str | None,
        shape: ListQueryShape | None,
        context: ReadScope,
        reader: Reader,
    ) -> Plan:
        caller, shapes = context.caller, tuple([w.shape for w in want.list_queries])
        key = PlanKey(of.name, by, want.field_set.unaliased, shapes, shape, caller.permissions, caller.is_authenticated)

        def compile() -> Plan:
            context.meter.new_plans += 1
            compiler = PlanCompiler(Viewer(caller.permissions, caller.is_authenticated), reader.dialect, iter(shapes))
            return (
                compiler.compile_rows(of, want.field_set.unaliased, by)
                if by is not None
                else compiler.compile_page(of, want.field_set.unaliased, shape or ListQuery().shape)
            )

        return self.plans.get_or_create(key, compile)

    async def one[S: msgspec.Struct](
        self, reader: Reader, of: Resource[S], want: Selection[S], by: str, value: Any, context: ReadScope
    ) -> Record[S] | None:
        """One record, or None where no visible row has this value."""
        plan, caller = self.plan(of, want, by, None, context, reader), context.caller
        # A secret does not travel to the database, which may log what it is given; something in its stead comes back.
        stead = token_hex(16) if context.one_time_secret is not None else None
        row = await reader.fetch_one(
            plan.top.rows_statement,
            plan.top.rows_statement.bind({"key": value, "caller_id": caller.id, ONE_TIME_SECRET: stead}),
        )
        if row is None:
            return None
        if context.read_dependencies is not None:
            context.read_dependencies.add(plan, str(row[plan.id_index]))
        if stead is not None:
            row = tuple([context.one_time_secret if v == stead else v for v in row])
        groups = await self._below(plan, reader, [row], want.list_queries, caller) if len(plan.levels) > 1 else []
        return self._record(plan, plan.record_builder(want.field_set), row, groups)

    async def by_ids[S: msgspec.Struct](
        self, reader: Reader, of: Resource[S], want: Selection[S], ids: Sequence[str], context: ReadScope
    ) -> dict[str, Record[S]]:
        """The records of the visible rows among some ids, by id: as many statements as for one."""
        plan, caller = self.plan(of, want, BY_IDS, None, context, reader), context.caller
        rows: list[Any] = await reader.fetch_all(
            plan.top.rows_statement,
            plan.top.rows_statement.bind({"parents": reader.ids_argument(list(ids)), "caller_id": caller.id}),
        )
        groups = await self._below(plan, reader, rows, want.list_queries, caller) if len(plan.levels) > 1 else []
        if context.read_dependencies is not None:
            context.read_dependencies.add(plan, *[str(row[plan.id_index]) for row in rows])
        write = plan.record_builder(want.field_set)
        return {record.id: record for record in [self._record(plan, write, row, groups) for row in rows]}

    async def replay(
        self, reader: Reader, of: Resource[Any], want: Selection[Any], kept: Sequence[StoredRecord], context: ReadScope
    ) -> list[Record[Any]]:
        """Records as they were once, in their order: scalars from what was kept, related rows as they are now."""
        plan, fields, caller = self.plan(of, want, BY_IDS, None, context, reader), want.field_set.fields, context.caller
        present = {} if has_all_members(plan, kept) else await self._rows(plan, reader, [k.id for k in kept], caller)
        rows = [rebuild_row(plan, fields, k, present.get(k.id)) for k in kept]
        for relation, node, inner in to_one_relations(of, plan, fields):
            own = self.plan(relation.target, Selection(FieldSet(inner)), BY_IDS, None, context, reader)
            found = await self._rows(own, reader, [id for k in kept if (id := target_id(k, relation.name))], caller)
            for row, k in zip(rows, kept, strict=True):
                if (other := found.get(target_id(k, relation.name))) is not None:
                    place_joined_row(row, node, own, other)
        groups = await self._below(plan, reader, rows, want.list_queries, caller) if len(plan.levels) > 1 else []
        write = plan.record_builder(want.field_set)
        return [Record(write(row, groups), k.version, k.id) for row, k in zip(rows, kept, strict=True)]

    async def _rows(self, plan: Plan, reader: Reader, ids: Sequence[str], caller: Caller) -> dict[str | None, Any]:
        """The visible rows among some ids, by id."""
        assert plan.id_index is not None
        rows: Sequence[Any] = (
            await reader.fetch_all(
                plan.top.rows_statement,
                plan.top.rows_statement.bind({"parents": reader.ids_argument(list(ids)), "caller_id": caller.id}),
            )
            if ids
            else ()
        )
        return {str(r[plan.id_index]): r for r in rows}

    async def page[S: msgspec.Struct](
        self, reader: Reader, of: Resource[S], want: Selection[S], window: ListQuery, context: ReadScope
    ) -> Page[S]:
        """A page of records."""
        plan, caller = self.plan(of, want, None, window, context, reader), context.caller
        if context.read_dependencies is not None:
            context.read_dependencies.add(plan)
        level, limit = plan.top, window.size()
        group = RowsByParent(window, limit, self._marks(level, window), level.sort_key_indexes)
        statement = level.rows_statement.for_rows(limit + 1)
        given = (
            _given(window, limit, group.cursor_codec, None, caller)
            if statement.arguments or level.total_statement is not None
            else {}
        )
        rows = await reader.fetch_all(statement, statement.bind(given))
        if level.total_statement is not None:
            group.totals[None] = (await reader.fetch_one(level.total_statement, level.total_statement.bind(given)))[0]
        shown = group.trim(rows)
        groups = await self._below(plan, reader, shown.rows, want.list_queries, caller) if len(plan.levels) > 1 else []
        count = len(shown.rows) + count_related_rows(plan, shown.rows, groups)
        return Page(
            plan.record_builder(want.field_set)(shown, None, group, groups), group, shown, group.totals.get(None), count
        )

    async def related[S: msgspec.Struct](
        self,
        reader: Reader,
        of: Resource[Any],
        by: str,
        value: Any,
        relation: str,
        window: ListQuery,
        want: Selection[S],
        context: ReadScope,
    ) -> Page[S] | None:
        """A to-many relation of one row as a list of its own, in the statement that serves it below the row; None where there is no such row."""
        if window.first is None and window.last is None:
            window = msgspec.structs.replace(window, first=DEFAULT_PAGE_SIZE)
        around = relation_selection(relation, window, want)
        plan, caller = self.plan(of, around, by, None, context, reader), context.caller
        row = await reader.fetch_one(
            plan.top.rows_statement, plan.top.rows_statement.bind({"key": value, "caller_id": caller.id})
        )
        if row is None:
            return None
        if context.read_dependencies is not None:
            context.read_dependencies.add(plan, str(row[plan.id_index]))
        groups = await self._below(plan, reader, [row], around.list_queries, caller)
        group, parent = groups[1], row[plan.id_index]
        group.parent = parent
        shown = group.pages.get(parent, EMPTY_SLICE)
        total = group.totals.get(parent, 0) if plan.levels[1].total_statement is not None else None
        return Page(
            plan.level_page_builder(want.field_set, 1)(shown, parent, group, groups),
            group,
            shown,
            total,
            count_related_rows(plan, [row], groups),
        )

    def _record(self, plan: Plan, write: Any, row: Any, groups: list[Any]) -> Record[Any]:
        """The record of a row that was read by itself or among others."""
        version = row[plan.version_index] if plan.version_index is not None else None
        below = count_related_rows(plan, [row], groups) if groups or plan.top.to_one_indexes else 0
        return Record(write(row, groups), version, str(row[plan.id_index]), below)

    def _marks(self, level: Level, window: ListQuery) -> CursorCodec:
        if level.cursor_codec is None or level.cursor_codec[0] != window.filter:
            level.cursor_codec = window.filter, CursorCodec(self.secret, level.list_name, window.filter, level.order)
        return level.cursor_codec[1]

    async def _below(
        self, plan: Plan, reader: Reader, rows: Any, windows: tuple[ListQuery, ...], caller: Caller
    ) -> list[Any]:
        """The rows of all to-many levels, grouped by parent: one statement each, and one for totals that were asked for."""
        groups: list[Any] = [rows]
        for level, window in zip(plan.levels[1:], windows, strict=True):
            source = rows if level.parent_level == 0 else groups[level.parent_level].shown()
            parents = list(dict.fromkeys([r[level.parent_index] for r in source if r[level.parent_index] is not None]))
            groups.append(await self._level(reader, level, window, parents, caller))
        return groups

    async def _level(
        self, reader: Reader, level: Level, window: ListQuery, parents: list[Any], caller: Caller
    ) -> RowsByParent:
        assert level.relation is not None
        limit = window.size(level.relation.default_size)
        group = RowsByParent(window, limit, self._marks(level, window), level.sort_key_indexes, level.parent_key_index)
        if len(parents) > 1 and (window.after or window.before):
            raise InvalidParameter(
                "A cursor inside a list works for one parent at a time.",
                parameter="after" if window.after else "before",
            )
        if parents:
            given = _given(window, limit, group.cursor_codec, parents[0], caller) | {
                "parents": reader.ids_argument(parents)
            }
            statement = level.rows_statement.for_rows(limit + 1)
            group.fill(
                await reader.fetch_all(statement, statement.bind(given), inline=len(parents) * limit <= INLINE_ROWS)
            )
            if level.total_statement is not None:
                group.totals = {
                    r[0]: r[1] for r in await reader.fetch_all(level.total_statement, level.total_statement.bind(given))
                }
        return group


def _given(window: ListQuery, limit: int, marks: CursorCodec, parent: Any, caller: Caller) -> dict[str, Any]:
    """The values of one call, by the names that the statements' binds have."""
    given: dict[str, Any] = {"limit": limit + 1, "caller_id": caller.id}
    if window.page is not None:
        given["offset"] = (window.page - 1) * limit
    for name, value in window.filter:
        given[f"filter.{name}"] = value
    for name, cursor in (("after", window.after), ("before", window.before)):
        if cursor is not None:
            for i, key in enumerate(marks.decode(parent, cursor, name)):
                given[f"{name}.{i}"] = key
    return given
