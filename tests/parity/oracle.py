"""An independent reader: all rows by plain SQL, then filtered, sorted and cut in Python."""

import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cmp_to_key
from typing import Any

import asyncpg

from tests.parity.case import OracleCase, OracleView, TableRow
from tests.parity.cases import DRAWN, ENTITIES, REGISTRY
from tests.parity.fields import snake
from tests.parity.harness import ApiClient, DualDoorApp
from tests.parity.query_strategies import AskedList
from tradepost.kit.auth.cart_token import GuestTokens
from tradepost.kit.resource.resource import EmbeddedValue
from tradepost.kit.schema.struct_fields import Member

type Tables = Mapping[str, list[TableRow]]
RANGE_FILTER = re.compile(r"(.+)_(gte|gt|lte|lt)")


def oracle_case(resource: str) -> OracleCase:
    """Return what the case of a resource says of its lists."""
    oracle = ENTITIES[resource].oracle
    assert oracle is not None, f"{resource} is not drawn"
    return oracle


def table_of(resource: str) -> str:
    """Return the table of a resource, which is called like the resource."""
    return snake(resource)


TABLES = sorted({table_of(name) for name in DRAWN} | {table for name in DRAWN for table in oracle_case(name).tables})


def json_columns(members: Mapping[str, EmbeddedValue | Member], prefix: str = "") -> Iterator[str]:
    """Yield the columns of JSON among those of some members, also of members of values."""
    for name, member in members.items():
        if isinstance(member, EmbeddedValue) and not member.is_list:
            yield from json_columns(member.members, f"{prefix}{name}_")
        elif isinstance(member, EmbeddedValue) or member.kind in ("json", "list"):
            yield f"{prefix}{name}"


JSON_COLUMNS = {name for resource in REGISTRY.resources.values() for name in json_columns(resource.members)}


class StoredTables(dict[str, list[TableRow]]):
    """All tables, as they were at one time. A table is decoded when it is looked at."""

    def __init__(self, stored: Mapping[str, Sequence[Any]]) -> None:
        self.stored = stored

    def __missing__(self, name: str) -> list[TableRow]:
        self[name] = [plain(dict(row)) for row in self.stored[name]]
        return self[name]


async def read_all(harness: DualDoorApp) -> Tables:
    """Read all tables. Each comparison reads them again, because other tests write in between."""
    url: str = harness.app.state.database.url
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.partition("///")[2])
        connection.row_factory = sqlite3.Row
        stored = {n: connection.execute(f'SELECT * FROM "{n}"').fetchall() for n in TABLES}
        connection.close()
        return StoredTables(stored)
    if harness.oracle_connection is None:
        harness.oracle_connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    return StoredTables({n: await harness.oracle_connection.fetch(f'SELECT * FROM "{n}"') for n in TABLES})


def plain(row: TableRow) -> TableRow:
    """Return a row with its ids as text, its times as datetimes and its JSON decoded."""
    members: TableRow = {}
    for name, value in row.items():
        if name.endswith("_at") and value is not None:
            value = moment(value) if isinstance(value, str) else value
        elif name in JSON_COLUMNS and isinstance(value, str):
            value = json.loads(value)
        elif type(value).__name__ == "UUID":
            value = str(value)
        members[name] = value
    return members


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def split(text: str) -> list[str]:
    """Return the words as WIRE.md defines them.

    NFKD, without combining marks, in lower case, split at everything but letters and digits.
    """
    letters = "".join([c for c in unicodedata.normalize("NFKD", text).lower() if not unicodedata.combining(c)])
    return re.findall(r"[^\W_]+", letters)


def begins_all(wanted: str, text: str) -> bool:
    """Whether each wanted word is the beginning of a word in the text."""
    words = split(text)
    return all(any(word.startswith(prefix) for word in words) for prefix in split(wanted))


async def oracle_for(harness: DualDoorApp, caller: ApiClient) -> "Oracle":
    """Return the oracle of the rows that there are now, for a caller, who may be a guest."""
    tables, cart_id = await read_all(harness), None
    if caller.cart_token:
        token_hash = harness.app.state.dependencies.require(GuestTokens).token_hash(caller.cart_token)
        [cart_id] = [row["id"] for row in tables["cart"] if row["token_hash"] == token_hash]
    return Oracle(tables, caller, cart_id)


class Oracle:
    """The lists of all drawn resources, worked out row by row."""

    def __init__(self, tables: Tables, caller: ApiClient, cart_id: str | None) -> None:
        user_id = caller.person.id if caller.person else None
        self.view = OracleView(tables, caller.permissions, user_id, cart_id)
        self._visible: dict[str, list[TableRow]] = {}

    def answer(self, asked: AskedList) -> list[str]:
        """Return the ids of the list, of all its pages, in order."""
        resource, filters = asked.resource.name, asked.args.get("filter", {})
        case = oracle_case(resource)
        rows = [row for row in self.visible_rows(resource) if self.is_below(case, asked, row)]
        rows = [row for row in rows if all(self.passes(case, row, n, v) for n, v in filters.items())]
        order = case.orders.get(asked.operation, case.order)
        default = ("relevance",) if "q" in filters and "relevance" in asked.resource.sorts else order
        keys: list[str] = []
        for key in asked.args.get("sort") or default:
            keys += [key, "-created_at"] if key.removeprefix("-") == "relevance" else [key]
        keys.append("-id" if keys[-1].startswith("-") else "id")

        def compare(one: TableRow, other: TableRow) -> int:
            return self.compare(case, one, other, keys, filters)

        return [row["id"] for row in sorted(rows, key=cmp_to_key(compare))]

    def visible_rows(self, resource: str) -> list[TableRow]:
        """Return the rows that the caller sees, worked out once."""
        if resource not in self._visible:
            rows = self.view.tables[table_of(resource)]
            self._visible[resource] = [row for row in rows if self.is_visible(resource, row)]
        return self._visible[resource]

    def is_visible(self, resource: str, row: TableRow) -> bool:
        """Whether the caller sees a row."""
        return oracle_case(resource).visible(self.view, row)

    def is_below(self, case: OracleCase, asked: AskedList, row: TableRow) -> bool:
        """Whether a row belongs to the parent of the list, if it has one."""
        return asked.operation not in case.parents or case.parents[asked.operation](self.view, row, asked.key)

    def passes(self, case: OracleCase, row: TableRow, name: str, value: Any) -> bool:
        """Whether a row passes a filter."""
        if name in case.filters:
            return case.filters[name](self.view, row, value)
        if name == "q":
            assert case.search_text is not None
            return begins_all(value, case.search_text(self.view, row))
        if ranged := RANGE_FILTER.fullmatch(name):
            column = case.columns.get(ranged[1], ranged[1])
            stored, limit = row[column], moment(value) if column.endswith("_at") else value
            comparisons = {"gte": "__ge__", "gt": "__gt__", "lte": "__le__", "lt": "__lt__"}
            return stored is not None and getattr(stored, comparisons[ranged[2]])(limit)
        return row[case.columns.get(name, name)] == value

    def compare(
        self, case: OracleCase, one: TableRow, other: TableRow, keys: list[str], filters: Mapping[str, Any]
    ) -> int:
        """Compare two rows by sort keys. Null comes last in both directions."""
        for key in keys:
            name, sign = key.removeprefix("-"), -1 if key.startswith("-") else 1
            value, other_value = [self.sort_value(case, row, name, filters) for row in (one, other)]
            if value == other_value:
                continue
            if value is None or other_value is None:
                return 1 if value is None else -1
            return sign if value > other_value else -sign
        return 0

    def sort_value(self, case: OracleCase, row: TableRow, name: str, filters: Mapping[str, Any]) -> Any:
        """Return the value of a sort key: text by its bytes, names that match a search first."""
        if name == "relevance":
            return 1 if begins_all(filters["q"], row["name"]) else 2
        value = row[case.columns.get(name, name)]
        return value.encode() if isinstance(value, str) else value
