"""From rows to records: the Structs generated for one selection in one rendering, and the functions that fill them.

An expression is generated once per (plan, form) and evaluated for each row: names in it are ours (`r[3]`, `S1`), texts of a client go in
as values only. The Structs have only the asked fields, are not tracked by the garbage collector, and die with the form.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ..resource.rendering import Constant, FieldMember, ObjectMember, PageMember, PagePart, Rendering
from ..resource.row_layout import Actions, Leaf, Node, ToMany, ValueList
from ..resource.selection import Field, FieldSet
from .records import EMPTY_SLICE, PageSlice, RowsByParent

type Groups = list[RowsByParent]
type PageMaker = Callable[[PageSlice, Any, RowsByParent, Groups], Any]

PLACE, STRETCH, ROW = re.compile(r"\br\[(\d+)\]"), re.compile(r"\*r\[(\d+):(\d+)\]"), re.compile(r"\br\b")
DEFAULT = Rendering()
ENVELOPE: tuple[PageMember, ...] = (
    PagePart("data", "nodes"),
    PagePart("next_cursor", "next_cursor"),
    PagePart("has_more", "has_more"),
)


class RecordCompiler:
    """Generates the functions for one plan in one form."""

    def __init__(self, plan: Any, form: FieldSet, dialect: str) -> None:
        self.plan, self.form, self.booleans = plan, form, dialect == "sqlite"
        self.rendering: Rendering = form.rendering or DEFAULT
        self.space: dict[str, Any] = {
            "NONE": EMPTY_SLICE,
            "raw": _plain if self.rendering.decode_json else _raw,
            "Raw": None if self.rendering.decode_json else msgspec.Raw,
        }

    def record_function(self) -> Callable[[Any, Groups], Any]:
        """The function that turns the row of a single read into its record."""
        return self._function("r, g", self._object(self.plan.top.nodes, self.rendering.members, self.form.fields))

    def page_function(self, level: Any) -> PageMaker:
        """The function that turns a trimmed page into records, or into the page that the rendering describes."""
        if self.rendering.parts is not None:
            return self._page(level, self.rendering.parts, self.form.fields)
        rows = self.space[self._rows(level, self.rendering.members, self.form.fields)]
        return lambda shown, parent, group, groups: rows(shown.rows, groups)

    def _function(self, arguments: str, source: str) -> Any:
        return eval(f"lambda {arguments}: {source}", self.space)  # noqa: S307  (the source is generated here, see above)

    def _keep(self, value: Any, prefix: str) -> str:
        """A name for a value in generated source."""
        name = f"{prefix}{len(self.space)}"
        self.space[name] = value
        return name

    def _struct(self, keys: Sequence[str]) -> str:
        fields = [(f"f{i}", Any) for i in range(len(keys))]
        renamed = {f: k for (f, _), k in zip(fields, keys, strict=True)}
        return self._keep(msgspec.defstruct("Answer", fields, rename=renamed, gc=False), "S")

    def _object(
        self, nodes: tuple[Node, ...], members: tuple[ObjectMember, ...] | None, fields: tuple[Field, ...]
    ) -> str:
        """An expression that makes one object from row `r`."""
        if members is None:
            key = self.rendering.actions_key
            members = tuple(
                [
                    FieldMember(f.alias or (key if isinstance(n, Actions) else f.name), i)
                    for i, (f, n) in enumerate(zip(fields, nodes, strict=True))
                ]
            )
        values = [
            repr(m.value) if isinstance(m, Constant) else self._value(nodes[m.index], m, fields[m.index])
            for m in members
        ]
        name = self._struct([m.key for m in members])
        places = [n.index for m in members if isinstance(m, FieldMember) and isinstance(n := nodes[m.index], Leaf)]
        if len(places) > 1 and values == [f"r[{places[0] + i}]" for i in range(len(values))]:
            return f"{name}(*r[{places[0]}:{places[-1] + 1}])"
        return f"{name}({', '.join(values)})"

    def _value(self, node: Node, member: FieldMember, field: Field) -> str:
        if isinstance(node, Leaf):
            return self._leaf(node)
        if isinstance(node, ToMany):
            return self._many(node, member, field.subfields)
        if isinstance(node, Actions):
            return self._actions(node)
        made = self._object(node.nodes, member.members, field.subfields)
        if isinstance(node, ValueList):
            each = self._keep(self._function("rows, g", f"None if rows is None else [{made} for r in rows]"), "V")
            return f"{each}(r[{node.index}], g)"
        return made if node.null_index is None else f"(None if r[{node.null_index}] is None else {made})"

    def _leaf(self, node: Leaf) -> str:
        place, member = f"r[{node.index}]", node.member
        if member.kind in ("json", "list"):
            return f"(v if (v := {place}).__class__ is Raw or v is None else raw(v))"
        if member.kind == "bool" and self.booleans:
            return f"(None if {place} is None else {place} == 1)"
        if member.enum is not None and self.rendering.enum_names:
            return f"{self._keep({m.value: m.name for m in member.enum} | {None: None}, 'E')}[{place}]"
        return place

    def _actions(self, node: Actions) -> str:
        if self.rendering.actions is not None:
            return f"{self._keep(self.rendering.actions(node), 'A')}(r)"
        return (
            "[" + ", ".join([repr(n) if at is None else f"*([{n!r}] if r[{at}] else [])" for n, at in node.names]) + "]"
        )

    def _many(self, node: ToMany, member: FieldMember, fields: tuple[Field, ...]) -> str:
        level = self.plan.levels[node.level_index]
        group, parent = f"g[{node.level_index}]", f"r[{node.index}]"
        if not node.relation.paged:
            rows = self._rows(level, member.members, fields)
            return f"{rows}({group}.pages.get({parent}, NONE).rows, g)"
        # A page of which nothing is left, because all of it is skipped, is an empty object.
        parts = (
            member.parts
            if member.parts is not None
            else (*ENVELOPE, *((PagePart("total", "total"),) if level.total else ()))
        )
        page = self._keep(self._page(level, parts, fields), "P")
        return f"{page}({group}.pages.get({parent}, NONE), {parent}, {group}, g)"

    def _rows(self, level: Any, members: tuple[ObjectMember, ...] | None, fields: tuple[Field, ...]) -> str:
        each, row = _apart(self._object(level.nodes, members, fields), level.width)
        return self._keep(self._function("rows, g", f"[{each} for {row} in rows]"), "L")

    def _page(self, level: Any, parts: tuple[PageMember, ...], fields: tuple[Field, ...]) -> PageMaker:
        made = [self._part(level, p, fields) for p in parts]
        struct = self.space[self._struct([p.key for p in parts])]
        return lambda shown, parent, group, groups: struct(*[m(shown, parent, group, groups) for m in made])

    def _part(self, level: Any, part: PageMember, fields: tuple[Field, ...]) -> PageMaker:
        if isinstance(part, Constant):
            said = part.value
            return lambda shown, parent, group, groups: said
        if part.kind == "nodes":
            rows = self.space[self._rows(level, part.members, fields)]
            return lambda shown, parent, group, groups: rows(shown.rows, groups)
        if part.kind == "edges":
            return self._edges(level, part.members or (), fields)
        if part.kind == "page_info":
            return self._page(level, part.members or (), fields)
        return PAGE_MEMBERS[part.kind]

    def _edges(self, level: Any, parts: tuple[PageMember, ...], fields: tuple[Field, ...]) -> PageMaker:
        made: list[Callable[[Any, Any, RowsByParent, Groups], Any]] = []
        for part in parts:
            if isinstance(part, Constant):
                made.append(lambda row, parent, group, groups, value=part.value: value)
            elif part.kind == "cursor":
                made.append(lambda row, parent, group, groups: group.cursor(parent, row))
            else:
                node = self._function("r, g", self._object(level.nodes, part.members, fields))
                made.append(lambda row, parent, group, groups, node=node: node(row, groups))
        struct = self.space[self._struct([p.key for p in parts])]
        return lambda shown, parent, group, groups: [
            struct(*[m(row, parent, group, groups) for m in made]) for row in shown.rows
        ]


def _apart(each: str, width: int) -> tuple[str, str]:
    """An expression about rows `r` and the target of the loop over them. Where it looks at most places by themselves, rows are taken apart first: a place of
    asyncpg's rows costs 25 ns each time it is looked at, and a name next to nothing."""
    apart = STRETCH.sub(lambda m: ", ".join([f"r[{i}]" for i in range(int(m[1]), int(m[2]))]), each)
    if len(PLACE.findall(each)) < 3 or len(PLACE.findall(apart)) * 4 < width * 3 or ROW.search(PLACE.sub("", apart)):
        return each, "r"
    return PLACE.sub(r"c\1", apart), ", ".join([f"c{i}" for i in range(width)]) + ","


def _raw(value: Any) -> msgspec.Raw | None:
    """A JSON column that does not come as it goes out: SQLite brings its text, and SQLAlchemy (reads inside a write) has decoded it already."""
    return msgspec.Raw(value if value.__class__ is str else msgspec.json.encode(value))


def _plain(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str | msgspec.Raw) else value


PAGE_MEMBERS: dict[str, PageMaker] = {
    "total": lambda shown, parent, group, groups: group.totals.get(parent, 0),
    "has_more": lambda shown, parent, group, groups: shown.has_next,
    "next_cursor": lambda shown, parent, group, groups: (
        group.cursor(parent, shown.rows[-1]) if shown.has_next and shown.rows else None
    ),
    "hasNextPage": lambda shown, parent, group, groups: shown.has_next,
    "hasPreviousPage": lambda shown, parent, group, groups: shown.has_previous,
    "startCursor": lambda shown, parent, group, groups: group.cursor(parent, shown.rows[0]) if shown.rows else None,
    "endCursor": lambda shown, parent, group, groups: group.cursor(parent, shown.rows[-1]) if shown.rows else None,
}
