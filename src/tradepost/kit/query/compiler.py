"""From a Selection to SQL: one statement per to-many level, exactly the asked columns, the viewer's rows only.

PostgreSQL pages a relation by LATERAL, SQLite by a correlated `IN (SELECT ... LIMIT)`: both read `limit + 1` rows per parent through the
index, never the whole relation.
"""

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Dialect,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import ClauseElement, visitors
from sqlalchemy.sql.elements import False_, True_
from sqlalchemy.sql.util import ClauseAdapter

from ..auth.access import Viewer
from ..resource.filters import binder
from ..resource.list_query import ListQueryShape
from ..resource.resource import ACTIONS, EmbeddedValue, LinkTable, Relation, Resource
from ..resource.row_layout import Actions, Embedded, Leaf, Node, ToMany, ToOne
from ..resource.selection import Field
from .keyset import cursor_conditions, sort_order
from .plan import Level, Plan
from .source_tables import tables_read
from .statement import Argument, Statement

BY_IDS = "several"
LIMIT: BindParameter[int] = bindparam("limit", None, type_=Integer)
COMMON_LIMITS = (6, 11, 21, 26, 51, 101)
"""Of pages of 5, 10, 20, 25, 50 and 100 rows: with the one that shows that there are more."""
ARGUMENT = re.compile(r"\$(\d+)")
OFFSET: BindParameter[int] = bindparam("offset", None, type_=BigInteger)


class PlanCompiler:
    """Writes the statements of one selection, top down, for one kind of viewer."""

    def __init__(self, viewer: Viewer, dialect: Dialect, shapes: Iterator[ListQueryShape]) -> None:
        self.viewer, self.dialect, self.shapes = viewer, dialect, shapes
        self.levels: list[Level] = []
        self.aliases = 0
        self.tables_read: frozenset[str] | None = frozenset()

    def compile_rows(self, resource: Resource[Any], fields: tuple[Field, ...], by: str) -> Plan:
        """A plan for one row found by a column, or for several by their ids (`SEVERAL`)."""
        table = self._alias(resource)
        level, source = self._open(resource, None, fields, table)
        id = level.add_column(table.c.id)
        version = level.add_column(table.c.version) if resource.versioned else None
        found = (
            self._among(table.c.id) if by == BY_IDS else table.c[by] == bindparam("key", None, type_=table.c[by].type)
        )
        level.rows_statement = self._statement(
            select(*level.columns).select_from(source).where(self._visible(resource, table), found), True, table.name
        )
        self._below(level)
        return Plan(self.levels, self.dialect.name, id, version, self._reads())

    def _among(self, id: ColumnElement[Any]) -> ColumnElement[bool]:
        """That an id is one of those given."""
        if self.dialect.name == "postgresql":
            return id == any_(bindparam("parents", None, type_=ARRAY(Uuid(as_uuid=False))))
        given = func.json_each(bindparam("parents", None, type_=Text)).table_valued("value", name="k")
        return id.in_(select(given.c.value))

    def compile_page(self, resource: Resource[Any], fields: tuple[Field, ...], shape: ListQueryShape) -> Plan:
        """A plan for a page of a list."""
        table = self._alias(resource)
        level, source = self._open(resource, None, fields, table)
        level.order = sort_order(resource, shape, resource.order)
        keys = self._keys(resource, table, level.order, shape)
        level.sort_key_indexes = [level.add_column(k) for k, _ in keys]
        where = [*self._matching(resource, table, shape), *cursor_conditions(keys, shape)]
        query = select(*level.columns).select_from(source).where(*where).order_by(*_ordered(keys))
        bounded = not shape.has_page_number and all(resource.filters[n].bounded for n in shape.filters)
        level.rows_statement = self._sized(self._statement(_stretch(query, shape), bounded), shape)
        if shape.total or shape.has_page_number:
            level.total_statement = self._statement(
                select(func.count()).select_from(table).where(*self._matching(resource, table, shape)), False
            )
        self._below(level)
        return Plan(self.levels, self.dialect.name, read_tags=self._reads())

    def _alias(self, resource: Resource[Any]) -> Any:
        self.aliases += 1
        table: Any = resource.table
        return table.alias(f"t{self.aliases}")

    def _open(
        self, resource: Resource[Any], relation: Relation | None, fields: tuple[Field, ...], table: Any
    ) -> tuple[Level, Any]:
        """A new level over a table, with its columns and joins."""
        level = Level(len(self.levels), resource, relation)
        self.levels.append(level)
        level.nodes, source = self._object(level, resource, table, table, fields)
        return level, source

    def _on(self, table: Any, clause: Any) -> Any:
        """A clause written about the resource's table, now about this alias of it."""
        clause = clause.__clause_element__() if hasattr(clause, "__clause_element__") else clause
        return ClauseAdapter(table).traverse(clause)

    def _visible(self, resource: Resource[Any], table: Any) -> ColumnElement[bool]:
        return self._on(table, resource.visible(self.viewer))

    def _matching(self, resource: Resource[Any], table: Any, shape: ListQueryShape) -> list[ColumnElement[bool]]:
        """The visible rows and the asked filters, each value a bind."""
        return [
            self._visible(resource, table),
            *[self._on(table, resource.filters[n].where(binder(n))) for n in shape.filters],
        ]

    def _keys(
        self, resource: Resource[Any], table: Any, order: tuple[str, ...], shape: ListQueryShape
    ) -> list[tuple[ColumnElement[Any], bool]]:
        """The sort keys on this alias, each with whether it descends as the rows are read."""
        keys: list[tuple[ColumnElement[Any], bool]] = []
        for name in order:
            plain, down = name.removeprefix("-"), name.startswith("-")
            keys.append((self._on(table, _key(resource, plain, down)), down != shape.backward))
        return keys

    def _object(
        self, level: Level, resource: Resource[Any], table: Any, source: Any, fields: tuple[Field, ...]
    ) -> tuple[tuple[Node, ...], Any]:
        """The places of the asked fields in the row; to-one relations are joined, to-many ones wait for `_below`."""
        nodes: list[Node] = []
        for field in fields:
            if not (access := resource.access(field.name)).allows(self.viewer.permissions):
                raise access.problem(self.viewer.is_authenticated)
            relation = resource.relations.get(field.name)
            if relation is None:
                nodes.append(self._own(level, resource, table, field))
            elif relation.is_to_many:
                many = ToMany(relation, level.add_column(table.c.id))
                nodes.append(many)
                level.pending_relations.append((many, field))
            else:
                node, source = self._joined(level, relation, table, source, field)
                nodes.append(node)
        return tuple(nodes), source

    def _joined(self, level: Level, relation: Relation, table: Any, source: Any, field: Field) -> tuple[ToOne, Any]:
        assert not isinstance(relation.join, LinkTable)
        # Asked for under several aliases it is one join: SQLite joins at most 64 tables.
        other = level.joins.get((table.name, relation.name))
        if other is None:
            other = level.joins[table.name, relation.name] = self._alias(relation.target)
            source = source.outerjoin(
                other, and_(other.c.id == table.c[relation.join.key], self._visible(relation.target, other))
            )
        at = level.add_column(other.c.id)
        level.to_one_indexes.append(at)
        nodes, source = self._object(level, relation.target, other, source, field.subfields)
        return ToOne(at, nodes), source

    def _own(self, level: Level, resource: Resource[Any], table: Any, field: Field) -> Node:
        """A scalar, an embedded value, or the open actions."""
        if field.name == ACTIONS:
            return self._actions(level, resource, table)
        own = resource.members[field.name]
        if isinstance(own, EmbeddedValue):
            first = level.add_column(table.c[f"{field.name}_{next(iter(own.members))}"]) if own.null else None
            return Embedded(
                first,
                tuple(
                    [
                        Leaf(level.add_column(table.c[f"{field.name}_{f.name}"]), own.members[f.name])
                        for f in field.subfields
                    ]
                ),
            )
        expression = resource.expressions.get(field.name)
        if expression is None:
            return Leaf(level.add_column(table.c[field.name]), own)
        made = expression(self.viewer) if callable(expression) else expression
        return Leaf(level.add_column(self._on(table, made).label(field.name)), own)

    def _actions(self, level: Level, resource: Resource[Any], table: Any) -> Actions:
        """The operations open on this row: each a rule about rows, settled here where it does not depend on the row."""
        names: list[tuple[str, int | None]] = []
        for name, rule in resource.actions.items():
            clause = rule(self.viewer)
            if not isinstance(clause, False_):
                names.append(
                    (name, None if isinstance(clause, True_) else level.add_column(self._on(table, clause).label(name)))
                )
        ones = [
            (n, level.add_column(table.c[r.join.key]))
            for n, r in resource.relations.items()
            if not r.is_to_many and not isinstance(r.join, LinkTable)
        ]
        return Actions(resource, level.add_column(table.c.id), tuple(names), tuple(ones))

    def _below(self, level: Level) -> None:
        """Writes the statements of the to-many relations of a level, depth first (the order of the windows)."""
        for many, field in level.pending_relations:
            many.level_index = len(self.levels)
            self._relation(level, many, field, next(self.shapes))

    def _relation(self, parent: Level, many: ToMany, field: Field, shape: ListQueryShape) -> None:
        """The statement of one to-many relation, for all parents at once."""
        relation, target = many.relation, many.relation.target
        table = self._alias(target)
        level, source = self._open(target, relation, field.subfields, table)
        level.parent_level, level.parent_index = parent.index, many.index
        level.order = sort_order(target, shape, relation.order)
        keys = self._keys(target, table, level.order, shape)
        level.sort_key_indexes = [level.add_column(k) for k, _ in keys]
        write = self._lateral if self.dialect.name == "postgresql" else self._within
        level.parent_key_index = len(level.columns)
        bounded = not isinstance(relation.join, LinkTable) and not shape.filters and not shape.has_page_number
        level.rows_statement = self._sized(
            self._statement(write(relation, level, table, source, keys, shape), bounded), shape
        )
        if shape.total or shape.has_page_number:
            level.total_statement = self._statement(self._count(relation, table, shape), False)
        self._below(level)

    def _lateral(
        self,
        relation: Relation,
        level: Level,
        table: Any,
        source: Any,
        keys: list[tuple[Any, bool]],
        shape: ListQueryShape,
    ) -> Select[*tuple[Any, ...]]:
        parents = (
            func.unnest(bindparam("parents", None, type_=ARRAY(Uuid(as_uuid=False))))
            .table_valued("id", with_ordinality="place", name="k")
            .render_derived(name="k")
        )
        source, belongs, link = _belonging(relation, table, source, parents.c.id)
        by = _in_link(relation, link, level.order, keys)
        labelled = [c.label(f"c{i}") for i, c in enumerate(level.columns)]
        where = [*self._matching(relation.target, table, shape), *cursor_conditions(by, shape), belongs]
        rows = (
            _stretch(select(*labelled).select_from(source).where(*where).order_by(*_ordered(by)), shape)
            .correlate(parents)
            .lateral("l")
        )
        # A join promises no order: the outer query says it again.
        again = [
            rows.c[f"c{at}"].desc() if down else rows.c[f"c{at}"].asc()
            for at, (_, down) in zip(level.sort_key_indexes, keys, strict=True)
        ]
        return select(*rows.c, parents.c.id).select_from(parents.join(rows, true())).order_by(parents.c.place, *again)

    def _within(
        self,
        relation: Relation,
        level: Level,
        table: Any,
        source: Any,
        keys: list[tuple[Any, bool]],
        shape: ListQueryShape,
    ) -> Select[*tuple[Any, ...]]:
        parents = func.json_each(bindparam("parents", None, type_=Text)).table_valued("key", "value", name="k")
        own: Any = relation.target.table
        few = own.alias(f"w{self.aliases}")
        few_source, belongs, link = _belonging(relation, few, few, parents.c.value)
        by = _in_link(relation, link, level.order, self._keys(relation.target, few, level.order, shape))
        where = [*self._matching(relation.target, few, shape), *cursor_conditions(by, shape), belongs]
        ids = _stretch(select(few.c.id).select_from(few_source).where(*where).order_by(*_ordered(by)), shape).correlate(
            parents
        )
        return (
            select(*level.columns, parents.c.value)
            .select_from(parents.join(source, table.c.id.in_(ids)))
            .order_by(parents.c.key, *_ordered(keys))
        )

    def _count(self, relation: Relation, table: Any, shape: ListQueryShape) -> Select[*tuple[Any, ...]]:
        if self.dialect.name == "postgresql":
            id: Any = (
                func.unnest(bindparam("parents", None, type_=ARRAY(Uuid(as_uuid=False))))
                .table_valued("id", name="k")
                .render_derived(name="k")
                .c.id
            )
        else:
            id = func.json_each(bindparam("parents", None, type_=Text)).table_valued("value", name="k").c.value
        source, belongs, _ = _belonging(relation, table, table, id)
        return (
            select(id, func.count())
            .select_from(id.table.join(source, belongs))
            .where(*self._matching(relation.target, table, shape))
            .group_by(id)
        )

    def _statement(self, query: Select[*tuple[Any, ...]], bounded: bool, own: str = "") -> Statement:
        """One statement of the plan; `own` is the alias under which a single read has its row, which need not be found among all rows."""
        found = tables_read(query, own)
        self.tables_read = None if found is None or self.tables_read is None else self.tables_read | found
        return compile_statement(query, self.dialect, bounded)

    def _sized(self, found: Statement, shape: ListQueryShape) -> Statement:
        """The statement, for PostgreSQL also with the usual numbers of rows written into it. It would plan one whose LIMIT is an argument anew at each call
        (100 us): for all it knows it may be a tenth of the table. Where there are filters that is as well, because the best plan depends on their values."""
        if self.dialect.name != "postgresql" or shape.filters or shape.has_page_number:
            return found
        at = next(i for i, a in enumerate(found.arguments) if a.name == "limit")
        rest = found.arguments[:at] + found.arguments[at + 1 :]

        def of_size(rows: int) -> str:
            """The text without that argument; those behind it move up by one."""
            text = found.sql.replace(f"${at + 1}::INTEGER", str(rows))
            return ARGUMENT.sub(lambda m: f"${int(m[1]) - (int(m[1]) > at)}", text)

        return msgspec.structs.replace(
            found, sized={n: Statement(of_size(n), rest, found.bounded) for n in COMMON_LIMITS}
        )

    def _reads(self) -> tuple[tuple[str, None], ...] | None:
        """What all statements of the plan look at."""
        return None if self.tables_read is None else tuple([(table, None) for table in sorted(self.tables_read)])


def compile_statement(query: ClauseElement, dialect: Dialect, bounded: bool) -> Statement:
    """A query compiled to text in the driver's spelling; remembers where its arguments come from."""
    literal: Any = visitors.replacement_traverse(query, {}, _literal)
    compiled = literal.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    # `params` has names as a driver would want them escaped; ours are those of `positiontup`.
    constants = compiled.construct_params(escape_names=False, _check=False)
    take = [Argument(n.partition("~")[0], constants[n], compiled._bind_processors.get(n)) for n in compiled.positiontup]
    return Statement(compiled.string, tuple(take), bounded)


def _key(resource: Resource[Any], name: str, down: bool) -> Any:
    """The expression behind a sort key; every list can be sorted by id."""
    own: Any = resource.table.c
    sort = resource.sorts.get(name)
    if sort is None:
        return own.id
    by: Any = sort.descending_expression if down and sort.descending_expression is not None else sort.expression
    return by(binder(sort.required_filter)) if sort.required_filter else by


def _belonging(relation: Relation, table: Any, source: Any, parent: Any) -> tuple[Any, ColumnElement[bool], Any]:
    """The source with the link table joined where there is one, the condition that a row belongs to the parent, and the link table or None."""
    if not isinstance(relation.join, LinkTable):
        return source, table.c[relation.join.key] == parent, None
    link = relation.join.source_key.class_.__table__.alias(f"x_{table.name}")
    return (
        source.join(link, link.c[relation.join.target_key.key] == table.c.id),
        link.c[relation.join.source_key.key] == parent,
        link,
    )


def _in_link(
    relation: Relation, link: Any, order: tuple[str, ...], keys: list[tuple[Any, bool]]
) -> list[tuple[Any, bool]]:
    """The sort keys as columns of the link table, if it holds all of them: its index then has the rows in order. Else the keys as they are."""
    if not isinstance(relation.join, LinkTable):
        return keys
    held = {name: column.key for name, column in relation.join.sort_columns.items()} | {
        "id": relation.join.target_key.key
    }
    names = [held.get(name.removeprefix("-")) for name in order]
    return [(link.c[name], down) for name, (_, down) in zip(names, keys, strict=True) if name] if all(names) else keys


def _stretch(query: Select[*tuple[Any, ...]], shape: ListQueryShape) -> Select[*tuple[Any, ...]]:
    """The rows of one page, and the one that shows that there are more."""
    return query.limit(LIMIT).offset(OFFSET) if shape.has_page_number else query.limit(LIMIT)


def _ordered(keys: list[tuple[Any, bool]]) -> list[Any]:
    return [k.desc() if down else k.asc() for k, down in keys]


def _literal(element: Any, **_: Any) -> BindParameter[Any] | None:
    """A constant of a rule or a column, written into the text: partial indexes see it, and no argument is encoded for it."""
    if not isinstance(element, BindParameter) or not element.unique or element.literal_execute:
        return None
    return cast(BindParameter[Any], element).render_literal_execute()
