"""Lists against an independent reader: all rows by plain SQL, then filtered, ordered and cut by Python; both doors must answer the same."""

import json
import re
import sqlite3
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from functools import cmp_to_key
from random import Random
from typing import Any

import asyncpg
from hypothesis import given
from hypothesis import strategies as st

from tests.parity.harness import ApiClient, DualDoorApp, assert_same, hypothesis_settings
from tests.parity.query_rendering import GraphQLWriter, RestWriter
from tests.parity.query_strategies import LISTS, REGISTRY, AskedField, AskedList
from tests.parity.sample_rows import SampleRows
from tests.parity.write_cases import snake

type Row = dict[str, Any]
type Tables = dict[str, list[Row]]

NAMES = (
    "category",
    "product",
    "variant",
    "media",
    "tag",
    "product_tag",
    "product_category",
    "user",
    "address",
    "api_key",
)
PRICELESS = 2**53


async def read_all(harness: DualDoorApp) -> Tables:
    """All rows of the catalogue, read anew for each comparison: other tests write between two of them."""
    url: str = harness.app.state.database.url
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.partition("///")[2])
        connection.row_factory = sqlite3.Row
        found = {n: [plain(dict(r)) for r in connection.execute(f'SELECT * FROM "{n}"')] for n in NAMES}
        connection.close()
        return found
    reader: Any = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return {n: [plain(dict(r)) for r in await reader.fetch(f'SELECT * FROM "{n}"')] for n in NAMES}
    finally:
        await reader.close()


def plain(row: Row) -> Row:
    """A row with texts for ids, times of Python, and JSON read."""
    out: Row = {}
    for name, value in row.items():
        if name.endswith("_at") and value is not None:
            value = moment(value) if isinstance(value, str) else value
        elif name in ("tags", "attributes", "options", "source") and isinstance(value, str):
            value = json.loads(value)
        elif type(value).__name__ == "UUID":
            value = str(value)
        out[name] = value
    return out


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def split(text: str) -> list[str]:
    """Words as WIRE.md says: NFKD, marks dropped, lower case, split at what is neither letter nor digit."""
    bare = "".join([c for c in unicodedata.normalize("NFKD", text).lower() if not unicodedata.combining(c)])
    return re.findall(r"[^\W_]+", bare)


class Oracle:
    """The catalogue's lists worked out row by row."""

    def __init__(self, tables: Tables, visitor: ApiClient) -> None:
        self.tables, self.editor, self.me = (
            tables,
            "catalog:write" in visitor.permissions,
            visitor.person.id if visitor.person else None,
        )
        self.products = {p["id"]: p for p in tables["product"]}

    def seen(self, product: Row) -> bool:
        return self.editor or product["status"] == "active"

    def answer(self, asked: AskedList) -> list[str]:
        """The ids of the list, all pages of it, in order."""
        kind = asked.of.name
        rows = [r for r in self.tables[snake(kind)] if self.visible(kind, r)]
        wanted = asked.args.get("filter", {})
        rows = [r for r in rows if self.below(asked, r) and all(self.passes(kind, r, n, v) for n, v in wanted.items())]
        default = {
            "Product": ("-created_at",),
            "Category": ("position", "name"),
            "Variant": ("position",),
            "Media": ("position",),
            "Tag": ("slug",),
        }.get(kind, ("-created_at",))
        keys = asked.args.get("sort") or (
            ("relevance",) if "q" in wanted and "relevance" in asked.of.sorts else default
        )
        order = [key for k in keys for key in ((k, "-created_at") if k.removeprefix("-") == "relevance" else (k,))]
        order.append("-id" if order[-1].startswith("-") else "id")
        return [r["id"] for r in sorted(rows, key=cmp_to_key(lambda a, b: self.compared(a, b, order, wanted)))]

    def visible(self, kind: str, row: Row) -> bool:
        match kind:
            case "Product":
                return self.seen(row)
            case "Variant" | "Media":
                return self.seen(self.products[row["product_id"]])
            case "Tag":
                return any(
                    t["tag_id"] == row["id"] and self.seen(self.products[t["product_id"]])
                    for t in self.tables["product_tag"]
                )
            case "User":
                return self.editor or row["id"] == self.me
            case "Address":
                return row["user_id"] == self.me
            case "ApiKey":
                # A key of nobody belongs to no caller, a caller without an account among them.
                return self.me is not None and row["user_id"] == self.me and row["revoked_at"] is None
            case _:
                return True

    def below(self, asked: AskedList, row: Row) -> bool:
        """Whether the row belongs to the one that the list begins at."""
        match asked.operation:
            case "category_children":
                return row["parent_id"] == asked.key
            case "category_products":
                return any(
                    c["category_id"] == asked.key and c["product_id"] == row["id"]
                    for c in self.tables["product_category"]
                )
            case "tag_products":
                return any(
                    t["tag_id"] == asked.key and t["product_id"] == row["id"] for t in self.tables["product_tag"]
                )
            case "variant_list" | "media_list":
                return row["product_id"] == asked.key
            case _:
                return True

    def passes(self, kind: str, row: Row, name: str, value: Any) -> bool:
        """Whether a row has what a filter wants."""
        if ranged := re.fullmatch(r"(price|created_at|updated_at)_(gte|gt|lte|lt)", name):
            own = row["price_from_amount"] if ranged[1] == "price" else row[ranged[1]]
            mark = value if ranged[1] == "price" else moment(value)
            return (
                own is not None
                and {"gte": own >= mark, "gt": own > mark, "lte": own <= mark, "lt": own < mark}[ranged[2]]
            )
        match name:
            case "root":
                return (row["parent_id"] is None) == value
            case "tag":
                return value in row["tags"]
            case "category":
                return any(
                    c["product_id"] == row["id"] and self.within(c["category_id"], value)
                    for c in self.tables["product_category"]
                )
            case "q":
                return self.begins(split(value), self.words(row) if kind == "Product" else self.names(row))
            case _:
                return row[name] == value

    def within(self, id: str | None, slug: str) -> bool:
        """Whether a category is the one of this slug or stands below it."""
        while id is not None:
            category = next(c for c in self.tables["category"] if c["id"] == id)
            if category["slug"] == slug:
                return True
            id = category["parent_id"]
        return False

    def words(self, product: Row) -> list[str]:
        skus = [v["sku"] for v in self.tables["variant"] if v["product_id"] == product["id"]]
        return split(" ".join([product["name"], product["description"], *product["tags"], *skus]))

    def names(self, user: Row) -> list[str]:
        return split(f"{user['full_name']} {user['username'] or ''} {user['email']}")

    def begins(self, wanted: list[str], words: list[str]) -> bool:
        return all(any(w.startswith(p) for w in words) for p in wanted)

    def compared(self, a: Row, b: Row, order: list[str], wanted: Row) -> int:
        for key in order:
            name, sign = key.removeprefix("-"), -1 if key.startswith("-") else 1
            one, other = self.key(a, name, wanted, sign), self.key(b, name, wanted, sign)
            if one != other:
                return sign if one > other else -sign
        return 0

    def key(self, row: Row, name: str, wanted: Row, sign: int) -> Any:
        match name:
            case "relevance":
                return 1 if self.begins(split(wanted["q"]), split(row["name"])) else 2
            case "price":
                amount = row.get("price_from_amount", row.get("price_amount"))
                return PRICELESS * sign if amount is None else amount
            case "name" | "sku" | "slug" | "email":
                return row[name].encode()
            case _:
                return row[name]


@st.composite
def lists(draw: Any, names: tuple[str, ...] = tuple(LISTS)) -> AskedList:
    """A list with filters and orders, and a size that often takes several pages."""
    operation = REGISTRY.operations[draw(st.sampled_from(names))]
    of = operation.result
    names = draw(st.lists(st.sampled_from(sorted(of.filters)), max_size=2, unique=True)) if of.filters else []
    sorts = [n for n, s in of.sorts.items() if s.required_filter is None or s.required_filter in names]
    keys = draw(st.lists(st.sampled_from(sorts), max_size=3, unique=True))
    args: Row = {"first": draw(st.integers(3, 40))}
    if names:
        args["filter"] = {n: draw(st.integers(0, 20)) for n in names}
    if keys:
        args["sort"] = tuple([draw(st.sampled_from(["", "-"])) + k for k in keys])
    return AskedList(
        operation.name,
        of,
        True,
        draw(st.integers(0, 20)) if operation.parent_relation else None,
        (AskedField("id", "leaf", parent=of),),
        args,
    )


@hypothesis_settings(150)
@given(drawn_list=lists(), name=st.sampled_from(["anonymous", "staff", "customer"]), spelling=st.integers(0, 2**32))
async def test_both_doors_list_the_rows_that_plain_sql_and_python_list(
    harness: DualDoorApp, known: SampleRows, drawn_list: AskedList, name: str, spelling: int
) -> None:
    tables = await read_all(harness)
    asked, visitor = drawn_list.about(known), harness.visitors[name]
    expected, size = Oracle(tables, visitor).answer(asked), drawn_list.args["first"]
    path, params = RestWriter(Random(spelling)).request(harness, asked)
    answer = await visitor.rest("GET", path, params=params | {"include": "total"})
    if not harness.operation(asked.operation).access.allows(visitor.permissions):
        assert answer.status_code == (401 if name == "anonymous" else 403)
        return
    if answer.status_code == 404:
        parent = (
            next(p for p in tables["product"] if p["id"] == asked.key)
            if asked.operation in ("variant_list", "media_list")
            else None
        )
        assert name != "staff"
        assert parent is None or parent["status"] != "active"
        return
    page = answer.json()
    assert_same([r["id"] for r in page["data"]], expected[:size])
    assert page["total"] == len(expected)
    assert page["has_more"] == (len(expected) > size)
    if page["next_cursor"]:
        # The second page through the other door, and back by the last rows before the cursor of its own start.
        text, variables = GraphQLWriter(harness, Random(spelling)).document(
            replace(asked, args=asked.args | {"after": page["next_cursor"]})
        )
        root = (await visitor.data(text, variables))["root"]
        rows = root.get("nodes") or [e["node"] for e in root["edges"]]
        assert_same([r["id"] for r in rows], expected[size : 2 * size])
        assert root["pageInfo"]["hasPreviousPage"] is True
        back = await visitor.rest(
            "GET",
            path,
            params={n: v for n, v in params.items() if n != "cursor"} | {"before": root["pageInfo"]["startCursor"]},
        )
        assert_same([r["id"] for r in back.json()["data"]], expected[:size])


BELOW = [
    ("Category", "products", "category_products"),
    ("Category", "children", "category_children"),
    ("Tag", "products", "tag_products"),
    ("Product", "variants", "variant_list"),
    ("Product", "media", "media_list"),
]


@hypothesis_settings(40)
@given(
    drawn_list=lists(tuple([operation for *_, operation in BELOW])),
    name=st.sampled_from(["anonymous", "staff", "customer"]),
    shuffle=st.integers(0, 2**32),
)
async def test_what_stands_below_each_row_is_what_plain_sql_and_python_find(
    harness: DualDoorApp, known: SampleRows, drawn_list: AskedList, name: str, shuffle: int
) -> None:
    tables = await read_all(harness)
    asked, visitor = drawn_list.about(known), harness.visitors[name]
    oracle = Oracle(tables, visitor)
    inner = [b for b in BELOW if b[2] == asked.operation]
    for kind, relation, operation in inner:
        args = asked.args | {"first": 1 + shuffle % 4}
        arguments = RestWriter(Random(shuffle)).arguments(args)
        # The same parent can stand at several places: as a row of the list, or as what several products point at.
        outer = {"Category": ("category", "product"), "Tag": (None, "tag"), "Product": (None, "product")}[kind]
        below = f"{relation}{arguments}{{id}}"
        fields = f"{outer[0]}{{id,{below}}}" if outer[0] else f"id,{below}"
        path = f"/{outer[1]}s"
        answer = await visitor.rest("GET", path, params={"fields": fields, "limit": "100"})
        assert answer.status_code == 200, answer.text
        rows = [r[outer[0]] if outer[0] else r for r in answer.json()["data"]]
        assert [r for r in rows if r]
        for row in [r for r in rows if r]:
            found = row[relation] if kind == "Product" else row[relation]["data"]
            expected = oracle.answer(replace(asked, operation=operation, key=row["id"]))
            assert_same([r["id"] for r in found], expected[: args["first"]])
            if kind != "Product":
                assert row[relation]["has_more"] == (len(expected) > args["first"])
