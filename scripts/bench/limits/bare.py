"""The limit: bare ASGI on Granian, prepared statements on a free list of asyncpg connections, msgspec straight to bytes. Nothing else is on."""

import asyncio
import os
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Raw, Struct, json

P = (
    "p.id, p.slug, p.name, p.description, p.status, p.attributes, p.tags, p.price_from_amount, p.price_from_currency, p.rating_count, p.rating_sum,"
    " p.created_at, p.updated_at, p.version"
)
EIGHT = "p.id, p.slug, p.name, p.description, p.status, p.rating_count, p.created_at, p.version"
ACTIVE = "p.status = 'active'"
ONE = f"SELECT {P} FROM product p WHERE p.id = $1 AND {ACTIVE}"
NEWEST = f"WHERE {ACTIVE} ORDER BY p.created_at DESC, p.id DESC LIMIT $1"
PAGE = f"SELECT {P}, c.id, c.slug, c.name FROM product p LEFT JOIN category c ON c.id = p.category_id {NEWEST}"
PRODUCTS = f"SELECT {P} FROM product p {NEWEST}"
CARD = f"SELECT {EIGHT} FROM product p WHERE p.id = $1 AND {ACTIVE}"
CARDS = f"SELECT {EIGHT}, c.id, c.slug, c.name FROM product p LEFT JOIN category c ON c.id = p.category_id {NEWEST}"
VARIANTS = "SELECT product_id, id, sku, name, options, price_amount, price_currency, position FROM variant WHERE product_id = ANY($1) ORDER BY position, id"
CATEGORIES = "SELECT id, slug, name, description FROM category ORDER BY position, name, id LIMIT $1"
SHELF = (
    "SELECT c.id, p.id, p.slug, p.name, p.price_from_amount, p.price_from_currency FROM unnest($1::uuid[]) AS c(id) CROSS JOIN LATERAL (SELECT p.* FROM"
    f" product_category pc JOIN product p ON p.id = pc.product_id WHERE pc.category_id = c.id AND {ACTIVE}"
    " ORDER BY pc.product_created_at DESC, pc.product_id DESC LIMIT 5) p"
    " ORDER BY c.id, p.created_at DESC, p.id DESC"
)
START = {
    kind: {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
    for kind, status in (("found", 200), ("missing", 404))
}


class Money(Struct, gc=False):
    amount: int
    currency: str


class Category(Struct, gc=False):
    id: UUID
    slug: str
    name: str


class Product(Struct, gc=False, kw_only=True):
    id: UUID
    slug: str
    name: str
    description: str
    status: str
    attributes: Raw
    tags: Raw
    price_from: Money | None
    rating_count: int
    rating_average: float | None
    created_at: datetime
    updated_at: datetime
    version: int


class Listed(Product, gc=False, kw_only=True):
    category: Category | None


class Card(Struct, gc=False):
    id: UUID
    slug: str
    name: str
    description: str
    status: str
    rating_count: int
    created_at: datetime
    version: int


class Shelved(Card, gc=False, kw_only=True):
    category: Category | None


class Variant(Struct, gc=False):
    id: UUID
    sku: str
    name: str
    options: Raw
    price: Money
    position: int


class Varied(Product, gc=False, kw_only=True):
    variants: list[Variant]


class Shown(Struct, gc=False):
    id: UUID
    slug: str
    name: str
    price_from: Money | None


class Shelf(Struct, gc=False):
    id: UUID
    slug: str
    name: str
    description: str
    products: list[Shown]


def money(amount, currency):
    return None if amount is None else Money(amount, currency)


def product(row, of=Product, **more):
    count, total = row[9], row[10]
    return of(
        id=row[0], slug=row[1], name=row[2], description=row[3], status=row[4], attributes=Raw(row[5].encode()), tags=Raw(row[6].encode()),
        price_from=money(row[7], row[8]), rating_count=count, rating_average=round(total / count, 2) if count else None,
        created_at=row[11], updated_at=row[12], version=row[13], **more,
    )  # fmt: skip


free: list = []
opened = 0
gate = asyncio.Semaphore(10)
encoder = json.Encoder()


async def rows(method, sql, *arguments):
    """Runs a prepared statement on whichever of the ten connections is free."""
    global opened
    async with gate:
        held = free.pop() if free else (await asyncpg.connect(os.environ["DATABASE_URL"]), {})
        try:
            statement = held[1].get(sql)
            if statement is None:
                statement = held[1][sql] = await held[0].prepare(sql)
            return await getattr(statement, method)(*arguments)
        finally:
            free.append(held)


async def one(key):
    row = await rows("fetchrow", ONE, key)
    return product(row) if row else None


async def listed(limit):
    found = await rows("fetch", PAGE, limit)
    return {"data": [product(r, Listed, category=Category(r[14], r[15], r[16]) if r[14] else None) for r in found]}


async def card(key):
    row = await rows("fetchrow", CARD, key)
    return Card(*row) if row else None


async def cards(limit):
    found = await rows("fetch", CARDS, limit)
    return {"data": [Shelved(*r[:8], category=Category(r[8], r[9], r[10]) if r[8] else None) for r in found]}


async def varied(limit):
    found = await rows("fetch", PRODUCTS, limit)
    grouped = {r[0]: [] for r in found}
    for r in await rows("fetch", VARIANTS, list(grouped)):
        grouped[r[0]].append(Variant(r[1], r[2], r[3], Raw(r[4].encode()), Money(r[5], r[6]), r[7]))
    return {"data": [product(r, Varied, variants=grouped[r[0]]) for r in found]}


async def shelves(limit):
    found = await rows("fetch", CATEGORIES, limit)
    grouped = {r[0]: [] for r in found}
    for r in await rows("fetch", SHELF, list(grouped)):
        grouped[r[0]].append(Shown(r[1], r[2], r[3], money(r[4], r[5])))
    return {"data": [Shelf(r[0], r[1], r[2], r[3], grouped[r[0]]) for r in found]}


LISTS = {"/products": listed, "/cards": cards, "/products-with-variants": varied, "/categories": shelves}
ONES = {"/products/": one, "/cards/": card}


async def app(scope, receive, send):
    """The paths of the work, and nothing that a service needs besides."""
    if scope["type"] != "http":
        return
    path = scope["path"]
    if path in LISTS:
        found = await LISTS[path](int(scope["query_string"][6:]))
    else:
        found = await ONES[path[:-36]](path[-36:])
    await send(START["missing" if found is None else "found"])
    await send({"type": "http.response.body", "body": encoder.encode(found)})
