"""The read engine: runs a plan's statements through a reader and builds records."""

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any

import msgspec

from ..auth.access import Viewer, identity_values
from ..auth.caller import Caller
from ..lru import LRUCache
from ..problems import InvalidParameter
from ..resource.list_query import DEFAULT_PAGE_SIZE, ListQuery, ListQueryShape
from ..resource.resource import Resource
from ..resource.selection import FieldSet, Selection, relation_selection
from .compiler import BY_IDS, PlanCompiler
from .cursors import CursorCodec
from .plan import Level, Plan, PlanKey
from .read_scope import ReadScope
from .readers.protocol import Reader
from .records import EMPTY_SLICE, Page, Record, RowsByParent, StoredRecord
from .replayed_rows import has_all_members, place_joined_row, rebuild_row, target_id, to_one_relations
from .row_count import count_related_rows

INLINE_ROWS, MAX_PLAN_BYTES = 2000, 4 * 1024 * 1024
"""How many rows of a relation SQLite may read on the event loop, and the budget of the plans."""
MAX_REMEMBERED_FILTERS = 3
"""A Selection remembers no query with more filters, whose values may have 1,000 characters each."""
LEVEL_BYTES, COLUMN_BYTES = 4000, 1500
"""Bytes of a level of a plan, and of one of its columns, besides its SQL texts."""
ONE_TIME_SECRET = "shown_once"  # noqa: S105  (the name of a bind)
"""The bind of a secret that this call made; no column holds it, only this answer shows it."""


class ReadEngine:
    """Reads records, pages and relations in the caller's selection. Plans are cached.

    secret: the key that cursors are signed with.
    rule_settings: the settings that members and rules about rows depend on, by name.
    """

    def __init__(self, secret: bytes, rule_settings: Mapping[str, int] | None = None) -> None:
        self.secret, self.rule_settings = secret, rule_settings or {}
        self.plans = LRUCache[PlanKey, Plan]("plans", MAX_PLAN_BYTES, plan_size)

    def plan(
        self,
        resource: Resource[Any],
        selection: Selection[Any],
        key_column: str | None,
        list_query: ListQuery | None,
        scope: ReadScope,
        reader: Reader,
    ) -> Plan:
        """Return the plan of a selection for callers of this kind.

        It is compiled once and charged to the call that first needs it. The Selection remembers
        the key of its last plan.
        """
        caller = scope.caller
        arguments = (self, resource, key_column, list_query, caller.permissions, caller.is_authenticated)
        if (
            (last := selection.last_plan) is not None
            and last[0] == arguments
            and (plan := self.plans.get(last[1])) is not None
        ):
            return plan
        shape = list_query.shape if list_query is not None else None
        key, plan = self._cached_plan(resource, selection, key_column, shape, scope, reader)
        if list_query is None or len(list_query.filter) <= MAX_REMEMBERED_FILTERS:
            selection.last_plan = arguments, key
        return plan

    def _cached_plan(
        self,
        resource: Resource[Any],
        selection: Selection[Any],
        key_column: str | None,
        shape: ListQueryShape | None,
        scope: ReadScope,
        reader: Reader,
    ) -> tuple[PlanKey, Plan]:
        fields, permissions, known = (
            selection.field_set.unaliased,
            scope.caller.permissions,
            scope.caller.is_authenticated,
        )
        shapes = tuple([q.shape for q in selection.list_queries])

        def compile() -> Plan:
            scope.meter.new_plans += 1
            compiler = PlanCompiler(Viewer(permissions, known, self.rule_settings), reader.dialect, iter(shapes))
            if key_column is not None:
                return compiler.compile_rows(resource, fields, key_column)
            return compiler.compile_page(resource, fields, shape or ListQuery().shape)

        key = PlanKey(resource.name, key_column, fields, shapes, shape, permissions, known)
        return key, self.plans.get_or_create(key, compile)

    async def one[S: msgspec.Struct](
        self,
        reader: Reader,
        resource: Resource[S],
        selection: Selection[S],
        key_column: str,
        value: Any,
        scope: ReadScope,
    ) -> Record[S] | None:
        """Return the record of the visible row with this key, or None."""
        plan, caller = self.plan(resource, selection, key_column, None, scope, reader), scope.caller
        # The secret is not sent to the database, which may log its arguments: a placeholder is.
        placeholder = token_hex(16) if scope.one_time_secret is not None else None
        values = identity_values(caller, key=value)
        values[ONE_TIME_SECRET] = placeholder
        row = await reader.fetch_one(plan.top.rows_statement, plan.top.rows_statement.bind(values))
        if row is None:
            return None
        if scope.read_dependencies is not None:
            scope.read_dependencies.add(plan, str(row[plan.id_index]))
        if placeholder is not None:
            row = tuple([scope.one_time_secret if v == placeholder else v for v in row])
        groups = (
            await self._load_relations(plan, reader, [row], selection.list_queries, caller)
            if len(plan.levels) > 1
            else []
        )
        return self._record(plan, plan.record_builder(selection.field_set), row, groups)

    async def by_ids[S: msgspec.Struct](
        self, reader: Reader, resource: Resource[S], selection: Selection[S], ids: Sequence[str], scope: ReadScope
    ) -> dict[str, Record[S]]:
        """Return the records of the visible rows among some ids, by id.

        It takes as many statements as one row.
        """
        plan, caller = self.plan(resource, selection, BY_IDS, None, scope, reader), scope.caller
        rows: list[Any] = await reader.fetch_all(
            plan.top.rows_statement,
            plan.top.rows_statement.bind(identity_values(caller, parents=reader.ids_argument(list(ids)))),
        )
        groups = (
            await self._load_relations(plan, reader, rows, selection.list_queries, caller)
            if len(plan.levels) > 1
            else []
        )
        if scope.read_dependencies is not None:
            scope.read_dependencies.add(plan, *[str(row[plan.id_index]) for row in rows])
        build = plan.record_builder(selection.field_set)
        return {record.id: record for record in [self._record(plan, build, row, groups) for row in rows]}

    async def replay(
        self,
        reader: Reader,
        resource: Resource[Any],
        selection: Selection[Any],
        stored: Sequence[StoredRecord],
        scope: ReadScope,
    ) -> list[Record[Any]]:
        """Return stored records in order: scalars as stored, related rows as they are now."""
        plan, caller = self.plan(resource, selection, BY_IDS, None, scope, reader), scope.caller
        fields = selection.field_set.fields
        present = (
            {}
            if has_all_members(plan, fields, stored)
            else await self._rows(plan, reader, [s.id for s in stored], caller)
        )
        rows = [rebuild_row(plan, fields, s, present.get(s.id)) for s in stored]
        for relation, node, subfields in to_one_relations(resource, plan, fields):
            target_plan = self.plan(relation.target, Selection(FieldSet(subfields)), BY_IDS, None, scope, reader)
            ids = [id for s in stored if (id := target_id(s, relation.name))]
            targets = await self._rows(target_plan, reader, ids, caller)
            for row, s in zip(rows, stored, strict=True):
                if (target := targets.get(target_id(s, relation.name))) is not None:
                    place_joined_row(row, node, target_plan, target)
        groups = (
            await self._load_relations(plan, reader, rows, selection.list_queries, caller)
            if len(plan.levels) > 1
            else []
        )
        build = plan.record_builder(selection.field_set)
        return [Record(build(row, groups), s.version, s.id) for row, s in zip(rows, stored, strict=True)]

    async def _rows(self, plan: Plan, reader: Reader, ids: Sequence[str], caller: Caller) -> dict[str | None, Any]:
        """Return the visible rows among some ids, by id."""
        assert plan.id_index is not None
        if not ids:
            return {}
        values = identity_values(caller, parents=reader.ids_argument(list(ids)))
        rows: Sequence[Any] = await reader.fetch_all(plan.top.rows_statement, plan.top.rows_statement.bind(values))
        return {str(r[plan.id_index]): r for r in rows}

    async def page[S: msgspec.Struct](
        self,
        reader: Reader,
        resource: Resource[S],
        selection: Selection[S],
        list_query: ListQuery,
        scope: ReadScope,
    ) -> Page[S]:
        """Return a page of records."""
        plan, caller = self.plan(resource, selection, None, list_query, scope, reader), scope.caller
        if scope.read_dependencies is not None:
            scope.read_dependencies.add(plan)
        level, limit = plan.top, list_query.size()
        group = RowsByParent(list_query, limit, self._cursor_codec(level, list_query), level.sort_key_indexes)
        statement = level.rows_statement.for_rows(limit + 1)
        values = (
            _bind_values(list_query, limit, group.cursor_codec, None, caller)
            if statement.arguments or level.total_statement is not None
            else {}
        )
        rows = await reader.fetch_all(statement, statement.bind(values))
        if level.total_statement is not None:
            group.totals[None] = (await reader.fetch_one(level.total_statement, level.total_statement.bind(values)))[0]
        page = group.trim(rows)
        groups = (
            await self._load_relations(plan, reader, page.rows, selection.list_queries, caller)
            if len(plan.levels) > 1
            else []
        )
        row_count = len(page.rows) + count_related_rows(plan, page.rows, groups)
        body = plan.record_builder(selection.field_set)(page, None, group, groups)
        return Page(body, group, page, group.totals.get(None), row_count)

    async def related[S: msgspec.Struct](
        self,
        reader: Reader,
        resource: Resource[Any],
        key_column: str,
        value: Any,
        relation: str,
        list_query: ListQuery,
        selection: Selection[S],
        scope: ReadScope,
    ) -> Page[S] | None:
        """Return a to-many relation of one row as a list, or None if the row is not visible.

        It is read by the statement that reads it as a nested list.
        """
        if list_query.first is None and list_query.last is None:
            list_query = msgspec.structs.replace(list_query, first=DEFAULT_PAGE_SIZE)
        outer = relation_selection(relation, list_query, selection)
        plan, caller = self.plan(resource, outer, key_column, None, scope, reader), scope.caller
        row = await reader.fetch_one(
            plan.top.rows_statement, plan.top.rows_statement.bind(identity_values(caller, key=value))
        )
        if row is None:
            return None
        if scope.read_dependencies is not None:
            scope.read_dependencies.add(plan, str(row[plan.id_index]))
        groups = await self._load_relations(plan, reader, [row], outer.list_queries, caller)
        group, parent = groups[1], row[plan.id_index]
        group.parent = parent
        page = group.pages.get(parent, EMPTY_SLICE)
        total = group.totals.get(parent, 0) if plan.levels[1].total_statement is not None else None
        body = plan.level_page_builder(selection.field_set, 1)(page, parent, group, groups)
        return Page(body, group, page, total, count_related_rows(plan, [row], groups))

    def _record(self, plan: Plan, build: Any, row: Any, groups: list[Any]) -> Record[Any]:
        version = row[plan.version_index] if plan.version_index is not None else None
        row_count = count_related_rows(plan, [row], groups) if groups or plan.top.to_one_indexes else 0
        return Record(build(row, groups), version, str(row[plan.id_index]), row_count)

    def _cursor_codec(self, level: Level, list_query: ListQuery) -> CursorCodec:
        filters = list_query.filter
        if level.cursor_codec is None or level.cursor_codec[0] != filters:
            level.cursor_codec = filters, CursorCodec(self.secret, level.list_name, filters, level.order)
        return level.cursor_codec[1]

    async def _load_relations(
        self, plan: Plan, reader: Reader, rows: Any, list_queries: tuple[ListQuery, ...], caller: Caller
    ) -> list[Any]:
        """Read the to-many levels: one statement each, and one for each requested total.

        Return the top rows, then a RowsByParent for each level.
        """
        groups: list[Any] = [rows]
        for level, list_query in zip(plan.levels[1:], list_queries, strict=True):
            parent_rows = rows if level.parent_level == 0 else groups[level.parent_level].page_rows()
            index = level.parent_id_index
            parents = list(dict.fromkeys([r[index] for r in parent_rows if r[index] is not None]))
            groups.append(await self._load_level(reader, level, list_query, parents, caller))
        return groups

    async def _load_level(
        self, reader: Reader, level: Level, list_query: ListQuery, parents: list[Any], caller: Caller
    ) -> RowsByParent:
        assert level.relation is not None
        limit, codec = list_query.size(level.relation.default_size), self._cursor_codec(level, list_query)
        group = RowsByParent(list_query, limit, codec, level.sort_key_indexes, level.parent_key_index)
        if len(parents) > 1 and (list_query.after or list_query.before):
            raise InvalidParameter(
                "A cursor in a nested list can be used with only one parent.",
                parameter="after" if list_query.after else "before",
            )
        if parents:
            values = _bind_values(list_query, limit, codec, parents[0], caller)
            values["parents"] = reader.ids_argument(parents)
            statement, inline = level.rows_statement.for_rows(limit + 1), len(parents) * limit <= INLINE_ROWS
            group.fill(await reader.fetch_all(statement, statement.bind(values), inline=inline))
            if level.total_statement is not None:
                totals = await reader.fetch_all(level.total_statement, level.total_statement.bind(values))
                group.totals = {r[0]: r[1] for r in totals}
        return group


def plan_size(key: PlanKey, plan: Plan) -> int:
    """Return the approximate bytes of a plan with its key."""
    statements = [s for level in plan.levels for s in (level.rows_statement, level.total_statement) if s is not None]
    texts = [s.sql for statement in statements for s in (statement, *statement.by_row_count.values())]
    columns = sum([len(level.columns) for level in plan.levels])
    return LEVEL_BYTES * len(plan.levels) + COLUMN_BYTES * columns + sum(map(len, texts))


def _bind_values(list_query: ListQuery, limit: int, codec: CursorCodec, parent: Any, caller: Caller) -> dict[str, Any]:
    """Return the values of one call, by the names of the statements' binds."""
    values = identity_values(caller, limit=limit + 1)
    if list_query.page is not None:
        values["offset"] = (list_query.page - 1) * limit
    for name, value in list_query.filter:
        values[f"filter.{name}"] = value
    for name, cursor in (("after", list_query.after), ("before", list_query.before)):
        if cursor is not None:
            for i, key in enumerate(codec.decode(parent, cursor, name)):
                values[f"{name}.{i}"] = key
    return values
