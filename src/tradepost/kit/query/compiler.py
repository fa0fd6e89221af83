"""Compiles a Selection to SQL: one statement per to-many level.

Each statement reads exactly the selected columns, of the rows that the viewer may see.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Select, and_, bindparam, func, select
from sqlalchemy.sql.elements import ColumnClause, False_, True_

from ..auth.access import Viewer
from ..cache_registry import registered_cache
from ..resource.list_query import ListQueryShape
from ..resource.resource import ACTIONS, EmbeddedValue, LinkTable, Relation, Resource
from ..resource.row_layout import Actions, Embedded, Leaf, Node, ToMany, ToOne, ValueList
from ..resource.selection import Field
from ..resource.value_columns import null_column
from ..schema.struct_fields import Member
from .clauses import Clauses, limit, order_by
from .keyset import cursor_conditions, sort_order
from .plan import Level, Plan
from .relation_query import correlated_query, id_in, lateral_query, total_query
from .source_tables import tables_read
from .statement import Statement, compile_statement
from .value_layout import JSON, ValueLayout

BY_IDS = "several"
"""Instead of a key column: the plan reads several rows by their ids."""
COMMON_LIMITS = (6, 11, 21, 26, 51, 101)
"""Pages of 5, 10, 20, 25, 50 and 100 rows, and one row more to see if there is a next page."""


class PlanCompiler:
    """Compiles the statements of one selection, top down, for one kind of viewer.

    shapes: the shapes of the selection's list queries, depth first.
    """

    def __init__(self, viewer: Viewer, dialect: Dialect, shapes: Iterator[ListQueryShape]) -> None:
        self.viewer, self.dialect, self.shapes = viewer, dialect, shapes
        self.clauses = Clauses(viewer)
        self.levels: list[Level] = []
        self.aliases = 0
        self.tables_read: frozenset[str] | None = frozenset()

    def compile_rows(self, resource: Resource[Any], fields: tuple[Field, ...], key_column: str) -> Plan:
        """Compile the plan of one row found by a key column, or of several rows (`BY_IDS`)."""
        table = self._alias(resource)
        level, source = self._add_level(resource, None, fields, table)
        id = level.add_column(table.c.id)
        version = level.add_column(table.c.version) if resource.versioned else None
        if key_column == BY_IDS:
            condition = id_in(table.c.id, self.dialect.name)
        else:
            condition = table.c[key_column] == bindparam("key", None, type_=table.c[key_column].type)
        query = select(*level.columns).select_from(source).where(self.clauses.visible(resource, table), condition)
        level.rows_statement = self._statement(query, True, table.name)
        self._compile_relations(level)
        return Plan(self.levels, self.dialect.name, id, version, self._read_tags())

    def compile_page(self, resource: Resource[Any], fields: tuple[Field, ...], shape: ListQueryShape) -> Plan:
        """Compile the plan of a page of a list."""
        table = self._alias(resource)
        level, source = self._add_level(resource, None, fields, table)
        level.order = sort_order(resource, shape, resource.order)
        keys = self.clauses.sort_keys(resource, table, level.order, shape)
        level.sort_key_indexes = [level.add_column(k) for k, _ in keys]
        where = [*self.clauses.matching(resource, table, shape), *cursor_conditions(keys, shape)]
        query = select(*level.columns).select_from(source).where(*where).order_by(*order_by(keys))
        bounded = not shape.has_page_number and all(resource.filters[n].bounded for n in shape.filters)
        level.rows_statement = self._statement(limit(query, shape), bounded, limits=self._constant_limits(shape))
        if shape.total or shape.has_page_number:
            total = select(func.count()).select_from(table).where(*self.clauses.matching(resource, table, shape))
            level.total_statement = self._statement(total, False)
        self._compile_relations(level)
        return Plan(self.levels, self.dialect.name, read_tags=self._read_tags())

    def _alias(self, resource: Resource[Any]) -> Any:
        self.aliases += 1
        return _numbered_alias(resource.table, self.aliases)

    def _add_level(
        self, resource: Resource[Any], relation: Relation | None, fields: tuple[Field, ...], table: Any
    ) -> tuple[Level, Any]:
        """Add a level over a table. Return it, and the table with its to-one relations joined."""
        level = Level(len(self.levels), resource, relation)
        self.levels.append(level)
        level.nodes, source = self._object(level, resource, table, table, fields)
        return level, source

    def _object(
        self, level: Level, resource: Resource[Any], table: Any, source: Any, fields: tuple[Field, ...]
    ) -> tuple[tuple[Node, ...], Any]:
        """Return the layout of the fields. To-one relations are joined, to-many ones are queued."""
        nodes: list[Node] = []
        for field in fields:
            if not (access := resource.access(field.name)).allows(self.viewer.permissions):
                raise access.problem(self.viewer.is_authenticated)
            relation = resource.relations.get(field.name)
            if relation is None:
                nodes.append(self._member(level, resource, table, field))
            elif relation.is_to_many:
                node = ToMany(relation, level.add_column(table.c.id))
                nodes.append(node)
                level.pending_relations.append((node, field))
            else:
                node, source = self._to_one(level, relation, table, source, field)
                nodes.append(node)
        return tuple(nodes), source

    def _to_one(self, level: Level, relation: Relation, table: Any, source: Any, field: Field) -> tuple[ToOne, Any]:
        assert not isinstance(relation.join, LinkTable)
        # Several aliases of a relation share one join: SQLite joins at most 64 tables.
        other = level.joins.get((table.name, relation.name))
        if other is None:
            other = level.joins[table.name, relation.name] = self._alias(relation.target)
            is_target = other.c.id == table.c[relation.join.key]
            source = source.outerjoin(other, and_(is_target, self.clauses.visible(relation.target, other)))
        index = level.add_column(other.c.id)
        level.to_one_indexes.append(index)
        nodes, source = self._object(level, relation.target, other, source, field.subfields)
        return ToOne(index, nodes), source

    def _member(self, level: Level, resource: Resource[Any], table: Any, field: Field) -> Node:
        """Return the layout of a scalar, an embedded value, or the available actions."""
        if field.name == ACTIONS:
            return self._actions(level, resource, table)
        name = resource.column_prefixes.get(field.name, field.name)
        return self._value(level, resource, table, resource.members[field.name], field, name)

    def _value(
        self, level: Level, resource: Resource[Any], table: Any, member: EmbeddedValue | Member, field: Field, name: str
    ) -> Node:
        """Return the layout of a member, or of a value's member. `name` is that of its column."""
        if not isinstance(member, EmbeddedValue):
            return Leaf(self._column(level, resource, table, name), member)
        if member.is_list:
            items = ValueLayout(member.members, field.subfields, JSON)
            return ValueList(self._column(level, resource, table, name), items.nodes, items.rows_of_json)
        null_index = self._column(level, resource, table, null_column(member, name)) if member.null else None
        nodes = [
            self._value(level, resource, table, member.members[f.name], f, f"{name}_{f.name}") for f in field.subfields
        ]
        return Embedded(null_index, tuple(nodes))

    def _column(self, level: Level, resource: Resource[Any], table: Any, name: str) -> int:
        """Return the index of a leaf's value in the row: an expression, or the column of its name.

        An expression is read once per row, however many values have it.
        """
        expression = resource.expressions.get(name)
        if expression is None:
            return level.add_column(table.c[name])
        key = (table.name, name)
        if key not in level.expressions:
            expression = expression(self.viewer) if callable(expression) else expression
            adapted = self.clauses.adapt(table, expression)
            is_column = isinstance(adapted, ColumnClause)
            level.expressions[key] = level.add_column(adapted if is_column else adapted.label(name))
        return level.expressions[key]

    def _actions(self, level: Level, resource: Resource[Any], table: Any) -> Actions:
        """Return the layout of the available actions.

        A policy that does not depend on the row is decided here: the action is always open, or
        left out.
        """
        names: list[tuple[str, int | None]] = []
        for name, policy in resource.actions.items():
            clause = policy(self.viewer)
            if isinstance(clause, True_):
                names.append((name, None))
            elif not isinstance(clause, False_):
                names.append((name, level.add_column(self.clauses.adapt(table, clause).label(name))))
        to_one_indexes = [
            (n, level.add_column(table.c[r.join.key]))
            for n, r in resource.relations.items()
            if not r.is_to_many and not isinstance(r.join, LinkTable)
        ]
        id_index = level.add_column(table.c.id)
        return Actions(resource, id_index, tuple(names), tuple(to_one_indexes), self.viewer.permissions)

    def _compile_relations(self, level: Level) -> None:
        """Compile the to-many relations of a level, depth first like the list queries."""
        for node, field in level.pending_relations:
            node.level_index = len(self.levels)
            self._compile_relation(level, node, field, next(self.shapes))

    def _compile_relation(self, parent: Level, node: ToMany, field: Field, shape: ListQueryShape) -> None:
        """Compile one to-many relation, for all parents at once."""
        relation, target = node.relation, node.relation.target
        table = self._alias(target)
        level, source = self._add_level(target, relation, field.subfields, table)
        level.parent_level, level.parent_id_index = parent.index, node.index
        level.order = sort_order(target, shape, relation.order)
        keys = self.clauses.sort_keys(target, table, level.order, shape)
        level.sort_key_indexes = [level.add_column(k) for k, _ in keys]
        level.parent_key_index = len(level.columns)
        build = lateral_query if self.dialect.name == "postgresql" else correlated_query
        query = build(self.clauses, relation, level, table, source, keys, shape)
        bounded = not isinstance(relation.join, LinkTable) and not shape.filters and not shape.has_page_number
        level.rows_statement = self._statement(query, bounded, limits=self._constant_limits(shape))
        if shape.total or shape.has_page_number:
            total = total_query(self.clauses, relation, table, shape, self.dialect.name)
            level.total_statement = self._statement(total, False)
        self._compile_relations(level)

    def _statement(
        self, query: Select[*tuple[Any, ...]], bounded: bool, row_alias: str = "", limits: Sequence[int] = ()
    ) -> Statement:
        """Compile one statement of the plan, and note the tables it reads.

        row_alias: the alias of the row that is read by key, which is tracked by its id instead.
        limits: the values of its LIMIT that are also compiled as constants.
        """
        tables = tables_read(query, row_alias)
        self.tables_read = None if tables is None or self.tables_read is None else self.tables_read | tables
        return compile_statement(query, self.dialect, bounded, limits)

    def _constant_limits(self, shape: ListQueryShape) -> Sequence[int]:
        """Return the values of a list's LIMIT that are written into its text on PostgreSQL.

        PostgreSQL re-plans a statement with a parameterised LIMIT on every call (about 100 us),
        because the LIMIT may be any share of the table. Filtered lists keep the parameter: their
        best plan depends on the values.
        """
        if self.dialect.name != "postgresql" or shape.filters or shape.has_page_number:
            return ()
        return COMMON_LIMITS

    def _read_tags(self) -> tuple[tuple[str, None], ...] | None:
        """Return the tables that all statements of the plan read, as cache tags."""
        return None if self.tables_read is None else tuple([(table, None) for table in sorted(self.tables_read)])


@registered_cache("table_aliases", 110 * 1024)
@lru_cache(maxsize=64)
def _numbered_alias(table: Any, number: int) -> Any:
    """Return an alias of a table, shared by all plans.

    An alias copies all columns: about 200 us and 100 KiB for 18 columns.
    """
    return table.alias(f"t{number}")
