"""Reads: a plan's statements run through a reader, their rows made into records."""

from collections.abc import Sequence
from secrets import token_hex
from typing import Any, Protocol

import msgspec

from ..auth.access import Viewer
from ..auth.caller import Caller
from ..lru import Recent
from ..problems import InvalidParameter
from ..rate_limit.meter import Meter
from ..resource.list_query import PAGE_SIZE, Shape, Window
from ..resource.resource import Resource
from ..resource.selection import Form, Selection, below
from .compiler import SEVERAL, Compiler
from .cursors import Marks
from .plan import Level, Plan, PlanKey
from .readers.protocol import Reader
from .records import NO_ROWS, Group, Kept, Page, Record
from .replayed_rows import knows_all, led_to, ones, put, remembered
from .row_count import rows_below
from .source_tables import Seen

INLINE_ROWS, MOST_PLANS = 2000, 2000
ONCE = "shown_once"
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
    def read_dependencies(self) -> Seen | None:
        """Where to record what is read, if the answer may be cached."""
        ...


class Reads:
    """The read engine of one database: plans, cursors' secret, and how a call's values become arguments."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.plans = Recent[PlanKey, Plan](MOST_PLANS)

    def plan(
        self,
        of: Resource[Any],
        want: Selection[Any],
        by: str | None,
        window: Window | None,
        context: ReadScope,
        reader: Reader,
    ) -> Plan:
        """The plan of a selection for callers of this kind; compiled once, on the meter of the call that needs it."""
        asked = (self, of, by, window, context.caller.permissions, context.caller.known)
        if (last := want.last) is not None and last[0] == asked:
            return last[1]
        found = self._plan(of, want, by, window.shape if window is not None else None, context, reader)
        want.last = asked, found
        return found

    def _plan(
        self,
        of: Resource[Any],
        want: Selection[Any],
        by: str | None,
        shape: Shape | None,
        context: ReadScope,
        reader: Reader,
    ) -> Plan:
        caller, shapes = context.caller, tuple([w.shape for w in want.windows])
        key = PlanKey(of.name, by, want.form.bare, shapes, shape, caller.permissions, caller.known)

        def compile() -> Plan:
            context.meter.plans += 1
            compiler = Compiler(Viewer(caller.permissions, caller.known), reader.dialect, iter(shapes))
            return (
                compiler.one(of, want.form.bare, by)
                if by is not None
                else compiler.page(of, want.form.bare, shape or Window().shape)
            )

        return self.plans.get(key, compile)

    async def one[S: msgspec.Struct](
        self, reader: Reader, of: Resource[S], want: Selection[S], by: str, value: Any, context: ReadScope
    ) -> Record[S] | None:
        """One record, or None where no visible row has this value."""
        plan, caller = self.plan(of, want, by, None, context, reader), context.caller
        # A secret does not travel to the database, which may log what it is given; something in its stead comes back.
        stead = token_hex(16) if context.one_time_secret is not None else None
        row = await reader.one(plan.top.rows, plan.top.rows.bind({"key": value, "caller_id": caller.id, ONCE: stead}))
        if row is None:
            return None
        if context.read_dependencies is not None:
            context.read_dependencies.note(plan, str(row[plan.id]))
        if stead is not None:
            row = tuple([context.one_time_secret if v == stead else v for v in row])
        groups = await self._below(plan, reader, [row], want.windows, caller) if len(plan.levels) > 1 else []
        return self._record(plan, plan.writer(want.form), row, groups)

    async def several[S: msgspec.Struct](
        self, reader: Reader, of: Resource[S], want: Selection[S], ids: Sequence[str], context: ReadScope
    ) -> dict[str, Record[S]]:
        """The records of the visible rows among some ids, by id: as many statements as for one."""
        plan, caller = self.plan(of, want, SEVERAL, None, context, reader), context.caller
        rows: list[Any] = await reader.all(
            plan.top.rows, plan.top.rows.bind({"parents": reader.many(list(ids)), "caller_id": caller.id})
        )
        groups = await self._below(plan, reader, rows, want.windows, caller) if len(plan.levels) > 1 else []
        if context.read_dependencies is not None:
            context.read_dependencies.note(plan, *[str(row[plan.id]) for row in rows])
        write = plan.writer(want.form)
        return {record.id: record for record in [self._record(plan, write, row, groups) for row in rows]}

    async def again(
        self, reader: Reader, of: Resource[Any], want: Selection[Any], kept: Sequence[Kept], context: ReadScope
    ) -> list[Record[Any]]:
        """Records as they were once, in their order: scalars from what was kept, related rows as they are now."""
        plan, fields, caller = self.plan(of, want, SEVERAL, None, context, reader), want.form.fields, context.caller
        present = {} if knows_all(plan, kept) else await self._rows(plan, reader, [k.id for k in kept], caller)
        rows = [remembered(plan, fields, k, present.get(k.id)) for k in kept]
        for relation, node, inner in ones(of, plan, fields):
            own = self.plan(relation.target, Selection(Form(inner)), SEVERAL, None, context, reader)
            found = await self._rows(own, reader, [id for k in kept if (id := led_to(k, relation.name))], caller)
            for row, k in zip(rows, kept, strict=True):
                if (other := found.get(led_to(k, relation.name))) is not None:
                    put(row, node, own, other)
        groups = await self._below(plan, reader, rows, want.windows, caller) if len(plan.levels) > 1 else []
        write = plan.writer(want.form)
        return [Record(write(row, groups), k.version, k.id) for row, k in zip(rows, kept, strict=True)]

    async def _rows(self, plan: Plan, reader: Reader, ids: Sequence[str], caller: Caller) -> dict[str | None, Any]:
        """The visible rows among some ids, by id."""
        assert plan.id is not None
        rows: Sequence[Any] = (
            await reader.all(
                plan.top.rows, plan.top.rows.bind({"parents": reader.many(list(ids)), "caller_id": caller.id})
            )
            if ids
            else ()
        )
        return {str(r[plan.id]): r for r in rows}

    async def page[S: msgspec.Struct](
        self, reader: Reader, of: Resource[S], want: Selection[S], window: Window, context: ReadScope
    ) -> Page[S]:
        """A page of records."""
        plan, caller = self.plan(of, want, None, window, context, reader), context.caller
        if context.read_dependencies is not None:
            context.read_dependencies.note(plan)
        level, limit = plan.top, window.size()
        group = Group(window, limit, self._marks(level, window), level.keys)
        statement = level.rows.of_size(limit + 1)
        given = (
            _given(window, limit, group.marks, None, caller) if statement.arguments or level.total is not None else {}
        )
        rows = await reader.all(statement, statement.bind(given))
        if level.total is not None:
            group.totals[None] = (await reader.one(level.total, level.total.bind(given)))[0]
        shown = group.trim(rows)
        groups = await self._below(plan, reader, shown.rows, want.windows, caller) if len(plan.levels) > 1 else []
        count = len(shown.rows) + rows_below(plan, shown.rows, groups)
        return Page(plan.writer(want.form)(shown, None, group, groups), group, shown, group.totals.get(None), count)

    async def related[S: msgspec.Struct](
        self,
        reader: Reader,
        of: Resource[Any],
        by: str,
        value: Any,
        relation: str,
        window: Window,
        want: Selection[S],
        context: ReadScope,
    ) -> Page[S] | None:
        """A to-many relation of one row as a list of its own, in the statement that serves it below the row; None where there is no such row."""
        if window.first is None and window.last is None:
            window = msgspec.structs.replace(window, first=PAGE_SIZE)
        around = below(relation, window, want)
        plan, caller = self.plan(of, around, by, None, context, reader), context.caller
        row = await reader.one(plan.top.rows, plan.top.rows.bind({"key": value, "caller_id": caller.id}))
        if row is None:
            return None
        if context.read_dependencies is not None:
            context.read_dependencies.note(plan, str(row[plan.id]))
        groups = await self._below(plan, reader, [row], around.windows, caller)
        group, parent = groups[1], row[plan.id]
        group.parent = parent
        shown = group.pages.get(parent, NO_ROWS)
        total = group.totals.get(parent, 0) if plan.levels[1].total is not None else None
        return Page(
            plan.level_writer(want.form, 1)(shown, parent, group, groups),
            group,
            shown,
            total,
            rows_below(plan, [row], groups),
        )

    def _record(self, plan: Plan, write: Any, row: Any, groups: list[Any]) -> Record[Any]:
        """The record of a row that was read by itself or among others."""
        version = row[plan.version] if plan.version is not None else None
        below = rows_below(plan, [row], groups) if groups or plan.top.ones else 0
        return Record(write(row, groups), version, str(row[plan.id]), below)

    def _marks(self, level: Level, window: Window) -> Marks:
        if level.marks is None or level.marks[0] != window.filter:
            level.marks = window.filter, Marks(self.secret, level.list_name, window.filter, level.order)
        return level.marks[1]

    async def _below(
        self, plan: Plan, reader: Reader, rows: Any, windows: tuple[Window, ...], caller: Caller
    ) -> list[Any]:
        """The rows of all to-many levels, grouped by parent: one statement each, and one for totals that were asked for."""
        groups: list[Any] = [rows]
        for level, window in zip(plan.levels[1:], windows, strict=True):
            source = rows if level.parent_level == 0 else groups[level.parent_level].shown()
            parents = list(dict.fromkeys([r[level.parent_at] for r in source if r[level.parent_at] is not None]))
            groups.append(await self._level(reader, level, window, parents, caller))
        return groups

    async def _level(self, reader: Reader, level: Level, window: Window, parents: list[Any], caller: Caller) -> Group:
        assert level.relation is not None
        limit = window.size(level.relation.size)
        group = Group(window, limit, self._marks(level, window), level.keys, level.link)
        if len(parents) > 1 and (window.after or window.before):
            raise InvalidParameter(
                "A cursor inside a list works for one parent at a time.",
                parameter="after" if window.after else "before",
            )
        if parents:
            given = _given(window, limit, group.marks, parents[0], caller) | {"parents": reader.many(parents)}
            statement = level.rows.of_size(limit + 1)
            group.fill(await reader.all(statement, statement.bind(given), inline=len(parents) * limit <= INLINE_ROWS))
            if level.total is not None:
                group.totals = {r[0]: r[1] for r in await reader.all(level.total, level.total.bind(given))}
        return group


def _given(window: Window, limit: int, marks: Marks, parent: Any, caller: Caller) -> dict[str, Any]:
    """The values of one call, by the names that the statements' binds have."""
    given: dict[str, Any] = {"limit": limit + 1, "caller_id": caller.id}
    if window.page is not None:
        given["offset"] = (window.page - 1) * limit
    for name, value in window.filter:
        given[f"filter.{name}"] = value
    for name, cursor in (("after", window.after), ("before", window.before)):
        if cursor is not None:
            for i, key in enumerate(marks.unseal(parent, cursor, name)):
                given[f"{name}.{i}"] = key
    return given
