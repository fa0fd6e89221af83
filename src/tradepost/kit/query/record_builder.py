"""Generates the Structs of one selection, and the functions that build them from rows.

An expression is generated once per plan and field set and evaluated for each row. The names in it
are ours (`r[3]`, `S1`); text from a client enters it only as values. The Structs have only the
selected fields, and their instances are not tracked by the garbage collector. Selections whose
objects have the same keys share them.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import cache
from types import CodeType
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from ..db.column_types import decode_json
from ..resource.rendering import Constant, FieldMember, ObjectMember, PageMember, PagePart, Rendering
from ..resource.row_layout import Actions, Leaf, Node, ToMany, ValueList
from ..resource.selection import Field, FieldSet
from ..schema.rate import rate_text
from .records import EMPTY_SLICE, PageSlice, RowsByParent
from .row_expression import Row, RowExpression, call, separated

type Groups = list[RowsByParent]
type PageFunction = Callable[[PageSlice, Any, RowsByParent, Groups], Any]
"""Builds a page from its slice, its parent, the group it is in, and the groups of all levels."""
type EdgeFunction = Callable[[Any, Any, RowsByParent, Groups], Any]

DEFAULT_RENDERING = Rendering()
STRUCTS = WeakValueDictionary[tuple[str, ...], type[msgspec.Struct]]()
"""The Structs in use, by the keys of their objects. They die with the functions that use them."""
ENVELOPE: tuple[PageMember, ...] = (
    PagePart("data", "nodes"),
    PagePart("next_cursor", "next_cursor"),
    PagePart("has_more", "has_more"),
)


class RecordCompiler:
    """Generates the functions for one plan and one field set.

    namespace: the values that generated source refers to, by name. In the source `r` is a row or
        `c0, c1, ...` are its columns, `rows` are the rows of a page, and `g` the groups of all
        levels.
    """

    def __init__(self, plan: Any, field_set: FieldSet, dialect: str) -> None:
        self.plan, self.fields = plan, field_set.fields
        self.booleans_are_integers = dialect == "sqlite"
        self.rendering: Rendering = field_set.rendering or DEFAULT_RENDERING
        self.namespace: dict[str, Any] = {
            "NONE": EMPTY_SLICE,
            "raw": decode_json if self.rendering.decode_json else _raw_json,
            "rate": _rate,
            "Raw": None if self.rendering.decode_json else msgspec.Raw,
        }

    def record_function(self) -> Callable[[Any, Groups], Any]:
        """Return the function that builds a record from a top row."""
        expression = self._object(self.plan.top.nodes, self.rendering.members, self.fields)
        return self._function("r, g", expression.source())

    def page_function(self, level: Any) -> PageFunction:
        """Return the function that builds a page: a list of records, or the rendering's parts."""
        if self.rendering.parts is not None:
            return self._page(level, self.rendering.parts, self.fields)
        rows = self.namespace[self._rows(level, self.rendering.members, self.fields)]
        return lambda page, parent, group, groups: rows(page.rows, groups)

    def _function(self, arguments: str, source: str) -> Any:
        """Return the function of some source, whose globals are only the names in it.

        If they were the whole namespace, which holds the function too, both would stay in memory
        until a full garbage collection.
        """
        code = compile(f"lambda {arguments}: {source}", "<record>", "eval")
        # The source is generated here, see the module's docstring.
        return eval(code, {n: self.namespace[n] for n in _names(code) if n in self.namespace})  # noqa: S307

    def _add(self, value: Any, prefix: str) -> str:
        """Add a value to the namespace and return its name."""
        name = f"{prefix}{len(self.namespace)}"
        self.namespace[name] = value
        return name

    def _struct(self, keys: Sequence[str]) -> str:
        return self._add(struct_type(tuple(keys)), "S")

    def _object(
        self, nodes: tuple[Node, ...], members: tuple[ObjectMember, ...] | None, fields: tuple[Field, ...]
    ) -> RowExpression:
        """Return the expression that builds an object from a row."""
        if members is None:
            members = self._default_members(nodes, fields)
        values = [
            RowExpression(repr(m.value)) if isinstance(m, Constant) else self._value(nodes[m.index], m, fields[m.index])
            for m in members
        ]
        return call(self._struct([m.key for m in members]), values)

    def _default_members(self, nodes: tuple[Node, ...], fields: tuple[Field, ...]) -> tuple[ObjectMember, ...]:
        """Return the members that an object has by default: each field by its alias or name."""
        actions_key = self.rendering.actions_key
        names = [
            f.alias or (actions_key if isinstance(n, Actions) else f.name) for f, n in zip(fields, nodes, strict=True)
        ]
        return tuple([FieldMember(name, i) for i, name in enumerate(names)])

    def _value(self, node: Node, member: FieldMember, field: Field) -> RowExpression:
        if isinstance(node, Leaf):
            return self._leaf(node)
        if isinstance(node, ToMany):
            return self._to_many(node, member, field.subfields)
        if isinstance(node, Actions):
            return self._actions(node)
        value = self._object(node.nodes, member.members, field.subfields)
        if isinstance(node, ValueList):
            rows = "rows" if node.rows is None else f"{self._add(node.rows, 'J')}(rows)"
            items = f"None if rows is None else [{value.source()} for r in {rows}]"
            return RowExpression(f"{self._add(self._function('rows, g', items), 'V')}(", node.index, ", g)")
        if node.null_index is None:
            return value
        return RowExpression("(None if ", node.null_index, " is None else ", value, ")")

    def _leaf(self, node: Leaf) -> RowExpression:
        column, member = node.index, node.member
        if self.rendering.enum_names and member.item is not None and member.item.enum is not None:
            return RowExpression(f"{self._add(_enum_list(_enum_names(member.item.enum)), 'E')}(", column, ")")
        if member.kind in ("json", "list"):
            return RowExpression("(v if (v := ", column, ").__class__ is Raw or v is None else raw(v))")
        if member.kind == "bool" and self.booleans_are_integers:
            return RowExpression("(None if ", column, " is None else ", column, " == 1)")
        if member.is_rate:
            return RowExpression("(None if ", column, " is None else rate(", column, "))")
        if member.enum is not None and self.rendering.enum_names:
            return RowExpression(f"{self._add(_enum_names(member.enum), 'E')}[", column, "]")
        return RowExpression(column)

    def _actions(self, node: Actions) -> RowExpression:
        if self.rendering.actions is not None:
            return RowExpression(f"{self._add(self.rendering.actions(node), 'A')}(", Row.WHOLE, ")")
        names = [
            RowExpression(repr(n)) if i is None else RowExpression(f"*([{n!r}] if ", i, " else [])")
            for n, i in node.names
        ]
        return RowExpression("[", *separated(names), "]")

    def _to_many(self, node: ToMany, member: FieldMember, fields: tuple[Field, ...]) -> RowExpression:
        level, parent = self.plan.levels[node.level_index], node.index
        group = f"g[{node.level_index}]"
        if not node.relation.paged:
            rows = self._rows(level, member.members, fields)
            return RowExpression(f"{rows}({group}.pages.get(", parent, ", NONE).rows, g)")
        # Empty parts stay empty: a page whose members are all skipped is an empty object.
        parts = member.parts
        if parts is None:
            parts = (*ENVELOPE, PagePart("total", "total")) if level.total_statement else ENVELOPE
        page = self._add(self._page(level, parts, fields), "P")
        return RowExpression(f"{page}({group}.pages.get(", parent, ", NONE), ", parent, f", {group}, g)")

    def _rows(self, level: Any, members: tuple[ObjectMember, ...] | None, fields: tuple[Field, ...]) -> str:
        record, target = self._object(level.nodes, members, fields).loop_source(level.width)
        return self._add(self._function("rows, g", f"[{record} for {target} in rows]"), "L")

    def _page(self, level: Any, parts: tuple[PageMember, ...], fields: tuple[Field, ...]) -> PageFunction:
        functions = [self._part(level, p, fields) for p in parts]
        struct = self.namespace[self._struct([p.key for p in parts])]
        return lambda page, parent, group, groups: struct(*[f(page, parent, group, groups) for f in functions])

    def _part(self, level: Any, part: PageMember, fields: tuple[Field, ...]) -> PageFunction:
        if isinstance(part, Constant):
            value = part.value
            return lambda page, parent, group, groups: value
        if part.kind == "nodes":
            rows = self.namespace[self._rows(level, part.members, fields)]
            return lambda page, parent, group, groups: rows(page.rows, groups)
        if part.kind == "edges":
            return self._edges(level, part.members or (), fields)
        if part.kind == "page_info":
            return self._page(level, part.members or (), fields)
        return PAGE_MEMBERS[part.kind]

    def _edges(self, level: Any, parts: tuple[PageMember, ...], fields: tuple[Field, ...]) -> PageFunction:
        functions: list[EdgeFunction] = []
        for part in parts:
            if isinstance(part, Constant):
                functions.append(lambda row, parent, group, groups, value=part.value: value)
            elif part.kind == "cursor":
                functions.append(lambda row, parent, group, groups: group.cursor(parent, row))
            else:
                node = self._function("r, g", self._object(level.nodes, part.members, fields).source())
                functions.append(lambda row, parent, group, groups, node=node: node(row, groups))
        struct = self.namespace[self._struct([p.key for p in parts])]
        return lambda page, parent, group, groups: [
            struct(*[f(row, parent, group, groups) for f in functions]) for row in page.rows
        ]


def struct_type(keys: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return the Struct of objects with these keys."""
    struct = STRUCTS.get(keys)
    if struct is None:
        fields = [(f"f{i}", Any) for i in range(len(keys))]
        keys_by_field = {f: k for (f, _), k in zip(fields, keys, strict=True)}
        struct = STRUCTS[keys] = msgspec.defstruct("Answer", fields, rename=keys_by_field, gc=False)
    return struct


def _names(code: CodeType) -> Iterator[str]:
    """Yield the global names in compiled source."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _raw_json(value: Any) -> msgspec.Raw | None:
    """Return a JSON column as encoded text.

    SQLite returns text, and SQLAlchemy (reads inside a write) has already decoded it.
    """
    return msgspec.Raw(value if value.__class__ is str else msgspec.json.encode(value))


def _rate(value: Any) -> str:
    """Return a rate as text. Results without a table and stored outcomes have texts already."""
    return value if value.__class__ is str else rate_text(value)


@cache
def _enum_names(enum: type[Enum]) -> dict[Any, str | None]:
    """Return the names of an enum's members, by member and by value."""
    return {key: m.name for m in enum for key in (m, m.value)} | {None: None}


def _enum_list(names: dict[Any, str | None]) -> Callable[[Any], Any]:
    return lambda column: None if column is None else [names[value] for value in decode_json(column)]


PAGE_MEMBERS: dict[str, PageFunction] = {
    "total": lambda page, parent, group, groups: group.totals.get(parent, 0),
    "has_more": lambda page, parent, group, groups: page.has_next,
    "next_cursor": lambda page, parent, group, groups: (
        group.cursor(parent, page.rows[-1]) if page.has_next and page.rows else None
    ),
    "hasNextPage": lambda page, parent, group, groups: page.has_next,
    "hasPreviousPage": lambda page, parent, group, groups: page.has_previous,
    "startCursor": lambda page, parent, group, groups: group.cursor(parent, page.rows[0]) if page.rows else None,
    "endCursor": lambda page, parent, group, groups: group.cursor(parent, page.rows[-1]) if page.rows else None,
}
