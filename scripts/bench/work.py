"""The work: what is asked of each server, in its own words, and the check that it is the same work."""

import itertools
import json
import random
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from .asking import request

WIDE = {
    "one": "one product by id",
    "list20": "20 products with category",
    "list100": "100 products with category",
    "variants": "20 products with their variants",
    "shelves": "20 categories with their first 5 products each",
    "mixed": "mixed: 10 one, 6 list 20, 2 list 100, 2 with variants",
}
# The payload by which the aims of GraphQL are judged: they were taken from measurements with 8 plain members of a product, and 3 of its category.
PLAIN = {
    "one:8": "GraphQL, 8 plain members: one product by id",
    "list20:8": "GraphQL, 8 plain members: 20 products with category",
    "list100:8": "GraphQL, 8 plain members: 100 products with category",
    "variants:8": "GraphQL, 8 plain members: 20 products with 4 members of their variants",
}
KINDS = WIDE | PLAIN
MIX = ("one",) * 10 + ("list20",) * 6 + ("list100",) * 2 + ("variants",) * 2
COUNTS = {"list20": 20, "list100": 100, "variants": 20, "shelves": 20}

PRODUCT = "id,slug,name,description,status,attributes,tags,price_from,rating_count,rating_average,created_at,updated_at,version"
FIELDS = {
    "one": PRODUCT,
    "list20": PRODUCT + ",category{id,slug,name}",
    "list100": PRODUCT + ",category{id,slug,name}",
    "variants": PRODUCT + ",variants{id,sku,name,options,price,position}",
    "shelves": "id,slug,name,description,products(first:5){id,slug,name,price_from}",
}
EIGHT = "id,slug,name,description,status,rating_count,created_at,version"
FIELDS |= {
    "one:8": EIGHT,
    "list20:8": EIGHT + ",category{id,slug,name}",
    "list100:8": EIGHT + ",category{id,slug,name}",
    "variants:8": EIGHT + ",variants{id,sku,name,position}",
}
GRAPHQL_PRODUCT = "id slug name description status attributes tags priceFrom { amount currency } ratingCount ratingAverage createdAt updatedAt version"
WITHIN = {
    "one": GRAPHQL_PRODUCT,
    "list20": GRAPHQL_PRODUCT + " category { id slug name }",
    "list100": GRAPHQL_PRODUCT + " category { id slug name }",
    "variants": GRAPHQL_PRODUCT + " variants { id sku name options price { amount currency } position }",
}
GRAPHQL_EIGHT = "id slug name description status ratingCount createdAt version"
WITHIN |= {
    "one:8": GRAPHQL_EIGHT,
    "list20:8": GRAPHQL_EIGHT + " category { id slug name }",
    "list100:8": GRAPHQL_EIGHT + " category { id slug name }",
    "variants:8": GRAPHQL_EIGHT + " variants { id sku name position }",
}

type Requests = Callable[[str, Sequence[str]], list[bytes]]


def tradepost_rest(kind: str, ids: Sequence[str]) -> list[bytes]:
    """Through our REST door, with exactly the members that all send."""
    wanted = quote(FIELDS[kind], safe=",{}():")
    if _form(kind) == "one":
        return [request("GET", f"/v1/products/{id}?fields={wanted}") for id in ids]
    return [
        request(
            "GET",
            f"/v1/{'categories' if kind == 'shelves' else 'products'}?limit={COUNTS[_form(kind)]}&fields={wanted}",
        )
    ]


def _form(kind: str) -> str:
    """Which list it is, whatever its payload."""
    return kind.partition(":")[0]


def plain_rest(kind: str, ids: Sequence[str]) -> list[bytes]:
    """The peers' own paths."""
    if kind == "one":
        return [request("GET", f"/products/{id}") for id in ids]
    path = {"variants": "products-with-variants", "shelves": "categories"}.get(kind, "products")
    return [request("GET", f"/{path}?limit={COUNTS[kind]}")]


def limit(kind: str, ids: Sequence[str]) -> list[bytes]:
    """The limit's paths: those of the peers, and `cards` for what has 8 members."""
    plain = plain_rest(_form(kind), ids)
    return [one.replace(b"/products", b"/cards", 1) for one in plain] if kind.endswith(":8") else plain


def constant(kind: str, ids: Sequence[str]) -> list[bytes]:
    """The floor's: as many bytes, made before."""
    return [request("GET", f"/{kind}")]


def tradepost_graphql(kind: str, ids: Sequence[str]) -> list[bytes]:
    """Our connections."""
    within = "id slug name description products(first: 5) { nodes { id slug name priceFrom { amount currency } } }"
    shelves = f"query ($n: Int!) {{ categories(first: $n) {{ nodes {{ {within} }} }} }}"
    return graphql(
        kind, ids, lambda: f"query ($n: Int!) {{ products(first: $n) {{ nodes {{ {WITHIN[kind]} }} }} }}", shelves
    )


def plain_graphql(kind: str, ids: Sequence[str]) -> list[bytes]:
    """The peers' lists."""
    shelves = "query ($n: Int!) { categories(first: $n) { id slug name description products(first: 5) { id slug name priceFrom { amount currency } } } }"
    return graphql(kind, ids, lambda: f"query ($n: Int!) {{ products(first: $n) {{ {WITHIN[kind]} }} }}", shelves)


def graphql(kind: str, ids: Sequence[str], listed: Callable[[], str], shelves: str, one: str = "") -> list[bytes]:
    """POST, a document and its variables, as every client sends them."""
    if _form(kind) == "one":
        one = one or f"query ($id: ID!) {{ product(id: $id) {{ {WITHIN[kind]} }} }}"
        return [_post(one, {"id": id}) for id in ids]
    return [_post(shelves if kind == "shelves" else listed(), {"n": COUNTS[_form(kind)]})]


FLAT = "id: rowId slug name description status attributes tags priceFromAmount priceFromCurrency ratingCount ratingSum createdAt updatedAt version"
FLAT_EIGHT = "id: rowId slug name description status ratingCount createdAt version"
POSTGRAPHILE = {
    "one": FLAT,
    "one:8": FLAT_EIGHT,
    "list20:8": FLAT_EIGHT + " category: categoryByCategoryId { id: rowId slug name }",
    "list100:8": FLAT_EIGHT + " category: categoryByCategoryId { id: rowId slug name }",
    "variants:8": FLAT_EIGHT
    + " variants: variantsByProductId(orderBy: [POSITION_ASC, ROW_ID_ASC]) { nodes { id: rowId sku name position } }",
    "list20": FLAT + " category: categoryByCategoryId { id: rowId slug name }",
    "list100": FLAT + " category: categoryByCategoryId { id: rowId slug name }",
    "variants": FLAT
    + " variants: variantsByProductId(orderBy: [POSITION_ASC, ROW_ID_ASC]) { nodes { id: rowId sku name options priceAmount priceCurrency position } }",
}
POSTGRAPHILE_LIST = 'query ($n: Int!) {{ allProducts(first: $n, condition: {{ status: "active" }}, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) {{ nodes {{ {0} }} }} }}'


def postgraphile(kind: str, ids: Sequence[str]) -> list[bytes]:
    """The schema that PostGraphile makes of the tables: prices are flat, the average is left to the client. It has no shelves without a plugin."""
    one = f"query ($id: UUID!) {{ productByRowId(rowId: $id) {{ {POSTGRAPHILE[kind]} }} }}"
    return graphql(kind, ids, lambda: POSTGRAPHILE_LIST.format(POSTGRAPHILE[kind]), "", one)


def _post(document: str, variables: dict[str, Any]) -> bytes:
    return request("POST", "/graphql", json.dumps({"query": document, "variables": variables}).encode())


def mixed(make: Requests, ids: Sequence[str]) -> list[bytes]:
    """The mix in a fixed order that looks like chance."""
    by_kind = {kind: itertools.cycle(make(kind, ids)) for kind in set(MIX)}
    order = list(MIX) * (max(len(ids), len(MIX)) // 10)
    random.Random(1).shuffle(order)  # noqa: S311
    return [next(by_kind[kind]) for kind in order]


def new_products(path: str, start: int, count: int, **headers: str) -> list[bytes]:
    """Writes: a product with three variants each, none like another."""
    return [request("POST", path, json.dumps(new_product(n)).encode(), **headers) for n in range(start, start + count)]


def new_product(n: int, status: str = "draft") -> dict[str, Any]:
    """A product that the public does not see."""
    prices = [{"amount": 1000 + 100 * i, "currency": "EUR"} for i in range(3)]
    variants = [{"sku": f"BENCH-{n}-{i}", "options": {"size": "SML"[i]}, "price": prices[i]} for i in range(3)]
    return {
        "name": f"Measured thing {n}", "slug": f"measured-thing-{n}", "status": status, "description": "It is made to be measured, and has no other use.",
        "attributes": {"material": "oak", "height_cm": 80}, "tags": [], "variants": variants,
    }  # fmt: skip


MUTATION = "mutation ($input: ProductCreateInput!) { productCreate(input: $input) { id slug name version variants { id sku } } }"


def new_products_graphql(start: int, count: int, **headers: str) -> list[bytes]:
    """The same as mutations."""
    bodies = [{"query": MUTATION, "variables": {"input": new_product(n, "DRAFT")}} for n in range(start, start + count)]
    return [request("POST", "/graphql", json.dumps(body).encode(), **headers) for body in bodies]


def same(answer: bytes) -> Any:
    """What an answer says, whatever its spelling: without envelopes, in snake case, times as moments, prices and ratings in one shape."""
    found = json.loads(answer)
    if found.get("errors"):
        raise ValueError(str(found["errors"])[:500])
    found = found.get("data", found)
    if isinstance(found, dict) and len(found) == 1:
        found = next(iter(found.values()))
    return _plain(found)


def _plain(value: Any, free: bool = False) -> Any:
    if isinstance(value, list):
        return [_plain(v, free) for v in value]
    if isinstance(value, str):
        return _moment(value)
    if not isinstance(value, dict):
        return value
    if free:
        return value
    for wrapper in ("nodes", "data"):
        if wrapper in value:
            return _plain(value[wrapper])
    out = {}
    for key, inner in value.items():
        name = re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), key)
        if name in ("links", "next_cursor", "has_more"):
            continue
        name = "id" if name == "row_id" else name
        out[name] = inner.lower() if name == "status" else _plain(inner, free=name in ("attributes", "options"))
    return _rated(_priced(out))


def _priced(out: dict[str, Any]) -> dict[str, Any]:
    for name in ("price_from", "price"):
        if f"{name}_amount" in out:
            amount, currency = out.pop(f"{name}_amount"), out.pop(f"{name}_currency")
            out[name] = None if amount is None else {"amount": int(amount), "currency": currency}
    return out


def _rated(out: dict[str, Any]) -> dict[str, Any]:
    if "rating_sum" in out:
        total = out.pop("rating_sum")
        out["rating_average"] = round(total / out["rating_count"], 2) if out["rating_count"] else None
    return out


def _moment(text: str) -> Any:
    if re.fullmatch(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:?\d\d)", text):
        # To the millisecond: the Date of JavaScript knows no more.
        return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="milliseconds")
    return text
