"""The kinds of work, the requests of each contestant for them, the values in a response."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from .processes import request

WIDE = {"one": "one product by id", "list20": "20 products with category", "list100": "100 products with category"}
FORMS = WIDE | {"variants": "20 products with 4 fields of their variants"}
NARROW = {f"{form}:8": f"GraphQL, 8 plain fields: {text}" for form, text in FORMS.items()}
KINDS = WIDE | NARROW
SIZES = {"list20": 20, "list100": 100, "variants": 20}
NARROW_FIELDS = "id,slug,name,description,status,rating_count,created_at,version"
WIDE_FIELDS = f"{NARROW_FIELDS},attributes,tags,price_from,rating_average,updated_at"
RELATIONS = {"one": "", "variants": ",variants{id,sku,name,position}"}
MUTATION = "mutation ($input: ProductCreateInput!) { productCreate(input: $input) { id slug version variants { id } } }"
TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:?\d\d)")

type Requests = Callable[[str, Sequence[str]], list[bytes]]


def fields(kind: str) -> str:
    """The fields of a kind of work, in the spelling of Tradepost's `fields` parameter."""
    form, _, narrow = kind.partition(":")
    return (NARROW_FIELDS if narrow else WIDE_FIELDS) + RELATIONS.get(form, ",category{id,slug,name}")


def tradepost_rest(kind: str, ids: Sequence[str]) -> list[bytes]:
    form, query = kind.partition(":")[0], "fields=" + quote(fields(kind), safe=",{}")
    if form == "one":
        return [request("GET", f"/v1/products/{id}?{query}") for id in ids]
    return [request("GET", f"/v1/products?limit={SIZES[form]}&{query}")]


def peer_rest(kind: str, ids: Sequence[str]) -> list[bytes]:
    form, _, narrow = kind.partition(":")
    path = "/narrow-products" if narrow else "/products"
    if form == "one":
        return [request("GET", f"{path}/{id}") for id in ids]
    return [request("GET", f"{path}?limit={SIZES[form]}")]


def _graphql(one: str, many: str, rename: Callable[[str], str], kind: str, ids: Sequence[str]) -> list[bytes]:
    """Requests with one of two documents, in which `%s` stands for the selection."""
    form, selection = kind.partition(":")[0], rename(fields(kind))
    selection = re.sub(r"_([a-z])", lambda match: match[1].upper(), selection).replace(",", " ")
    if form == "one":
        return [_post(one % selection, {"id": id}) for id in ids]
    return [_post(many % selection, {"n": SIZES[form]})]


def _post(document: str, variables: dict[str, Any], **headers: str) -> bytes:
    return request("POST", "/graphql", json.dumps({"query": document, "variables": variables}).encode(), **headers)


def _postgraphile_names(fields: str) -> str:
    names = re.sub(r"\bid\b", "id: rowId", fields).replace("category{", "category: categoryByCategoryId{")
    order = "orderBy: [POSITION_ASC, ROW_ID_ASC]"
    return re.sub("variants{(.*)}", rf"variants: variantsByProductId({order}){{nodes{{\1}}}}", names)


ONE = "query ($id: ID!) { product(id: $id) { %s } }"
tradepost_graphql = partial(_graphql, ONE, "query ($n: Int!) { products(first: $n) { nodes { %s } } }", str)
peer_graphql = partial(_graphql, ONE, "query ($n: Int!) { products(first: $n) { %s } }", str)
postgraphile = partial(
    _graphql,
    "query ($id: UUID!) { productByRowId(rowId: $id) { %s } }",
    'query ($n: Int!) { allProducts(first: $n, condition: { status: "active" },'
    " orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes { %s } } }",
    _postgraphile_names,
)


def creations(path: str, numbers: Sequence[int], **headers: str) -> list[bytes]:
    return [request("POST", path, json.dumps(_new_product(n)).encode(), **headers) for n in numbers]


def mutations(numbers: Sequence[int], **headers: str) -> list[bytes]:
    return [_post(MUTATION, {"input": _new_product(n) | {"status": "DRAFT"}}, **headers) for n in numbers]


def _new_product(n: int) -> dict[str, Any]:
    """The input for a draft with three variants."""
    prices = [{"amount": 1000 + 100 * i, "currency": "EUR"} for i in range(3)]
    variants = [{"sku": f"BENCH-{n}-{i}", "options": {"size": "SML"[i]}, "price": prices[i]} for i in range(3)]
    texts = {
        "name": f"Product {n}",
        "slug": f"bench-{n}",
        "status": "draft",
        "description": "Created by the benchmark.",
    }
    return texts | {"attributes": {"material": "oak", "height_cm": 80}, "tags": [], "variants": variants}


def values(value: Any) -> Iterator[str]:
    """All values in a response, whatever their names and places."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from values(item)
    elif isinstance(value, str) and TIME.fullmatch(value):  # milliseconds: JavaScript's `Date` has no more
        yield datetime.fromisoformat(value).astimezone(UTC).isoformat(timespec="milliseconds")
    else:
        yield str(float(value)) if isinstance(value, int | float) else str(value).lower()
