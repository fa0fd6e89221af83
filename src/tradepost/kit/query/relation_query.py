"""The SELECT of one to-many relation for all its parents at once.

Both databases read `limit + 1` rows per parent through the index, never the whole relation:
PostgreSQL by LATERAL, SQLite by a correlated `IN (SELECT ... LIMIT)`.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, Uuid, any_, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from ..resource.list_query import ListQueryShape
from ..resource.resource import LinkTable, Relation
from .clauses import Clauses, SortKeys, limit, order_by
from .keyset import cursor_conditions
from .plan import Level

type Query = Select[*tuple[Any, ...]]


def id_in(id: ColumnElement[Any], dialect: str) -> ColumnElement[bool]:
    """Return the condition that an id is one of the ids in the argument `parents`."""
    if dialect == "postgresql":
        return id == any_(bindparam("parents", None, type_=ARRAY(Uuid(as_uuid=False))))
    ids = func.json_each(bindparam("parents", None, type_=Text)).table_valued("value", name="k")
    return id.in_(select(ids.c.value))


def lateral_query(
    clauses: Clauses, relation: Relation, level: Level, table: Any, source: Any, keys: SortKeys, shape: ListQueryShape
) -> Query:
    """Return the query of the relation's rows on PostgreSQL."""
    parents = (
        func.unnest(bindparam("parents", None, type_=ARRAY(Uuid(as_uuid=False))))
        .table_valued("id", with_ordinality="place", name="k")
        .render_derived(name="k")
    )
    source, of_parent, link = _join_link_table(relation, table, source, parents.c.id)
    page_keys = _link_table_keys(relation, link, level.order, keys)
    columns = [c.label(f"c{i}") for i, c in enumerate(level.columns)]
    where = [*clauses.matching(relation.target, table, shape), *cursor_conditions(page_keys, shape), of_parent]
    page = limit(select(*columns).select_from(source).where(*where).order_by(*order_by(page_keys)), shape)
    rows = page.correlate(parents).lateral("l")
    # A join guarantees no order, so the outer query repeats it.
    order = order_by([(rows.c[f"c{i}"], down) for i, (_, down) in zip(level.sort_key_indexes, keys, strict=True)])
    return select(*rows.c, parents.c.id).select_from(parents.join(rows, true())).order_by(parents.c.place, *order)


def correlated_query(
    clauses: Clauses, relation: Relation, level: Level, table: Any, source: Any, keys: SortKeys, shape: ListQueryShape
) -> Query:
    """Return the query of the relation's rows on SQLite."""
    parents = func.json_each(bindparam("parents", None, type_=Text)).table_valued("key", "value", name="k")
    target = relation.target
    inner: Any = target.table.alias(f"w_{table.name}")
    inner_source, of_parent, link = _join_link_table(relation, inner, inner, parents.c.value)
    page_keys = _link_table_keys(relation, link, level.order, clauses.sort_keys(target, inner, level.order, shape))
    where = [*clauses.matching(target, inner, shape), *cursor_conditions(page_keys, shape), of_parent]
    page = limit(select(inner.c.id).select_from(inner_source).where(*where).order_by(*order_by(page_keys)), shape)
    return (
        select(*level.columns, parents.c.value)
        .select_from(parents.join(source, table.c.id.in_(page.correlate(parents))))
        .order_by(parents.c.key, *order_by(keys))
    )


def total_query(clauses: Clauses, relation: Relation, table: Any, shape: ListQueryShape, dialect: str) -> Query:
    """Return the query of the number of rows per parent."""
    if dialect == "postgresql":
        ids = func.unnest(bindparam("parents", None, type_=ARRAY(Uuid(as_uuid=False))))
        id: Any = ids.table_valued("id", name="k").render_derived(name="k").c.id
    else:
        id = func.json_each(bindparam("parents", None, type_=Text)).table_valued("value", name="k").c.value
    source, of_parent, _ = _join_link_table(relation, table, table, id)
    return (
        select(id, func.count())
        .select_from(id.table.join(source, of_parent))
        .where(*clauses.matching(relation.target, table, shape))
        .group_by(id)
    )


def _join_link_table(relation: Relation, table: Any, source: Any, parent: Any) -> tuple[Any, ColumnElement[bool], Any]:
    """Return the source joined with the link table, the parent condition, and the link table.

    For a relation without one the source is returned as it is, and the link table is None.
    """
    if not isinstance(relation.join, LinkTable):
        return source, table.c[relation.join.key] == parent, None
    source_key, target_key = relation.join.source_key, relation.join.target_key
    link = source_key.class_.__table__.alias(f"x_{table.name}")
    return source.join(link, link.c[target_key.key] == table.c.id), link.c[source_key.key] == parent, link


def _link_table_keys(relation: Relation, link: Any, order: tuple[str, ...], keys: SortKeys) -> SortKeys:
    """Return the sort keys as columns of the link table if it has all of them, else the given keys.

    The index of the link table then has the rows in order.
    """
    if not isinstance(relation.join, LinkTable):
        return keys
    columns = {name: column.key for name, column in relation.join.sort_columns.items()}
    columns["id"] = relation.join.target_key.key
    names = [columns.get(name.removeprefix("-")) for name in order]
    if not all(names):
        return keys
    return [(link.c[name], descending) for name, (_, descending) in zip(names, keys, strict=True) if name]
