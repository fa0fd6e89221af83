"""The limit: bare ASGI on Granian, prepared asyncpg statements, msgspec. No other feature."""

import asyncio
import os

import asyncpg
from msgspec import Raw, defstruct, json

FIELDS = ["id", "slug", "name", "description", "status", "rating_count", "created_at", "version"]
MORE_FIELDS = ["attributes", "tags", "price_from", "rating_average", "updated_at"]
NARROW = "SELECT " + ", ".join(f"p.{name}" for name in FIELDS)
WIDE = f"{NARROW}, p.attributes, p.tags, p.price_from_amount, p.price_from_currency, p.rating_sum, p.updated_at"
BY_ID = "FROM product p WHERE p.id = $1 AND p.status = 'active'"
NEWEST = (
    ", c.id, c.slug, c.name FROM product p LEFT JOIN category c ON c.id = p.category_id"
    " WHERE p.status = 'active' ORDER BY p.created_at DESC, p.id DESC LIMIT $1"
)
Money = defstruct("Money", ["amount", "currency"], gc=False)
Category = defstruct("Category", ["id", "slug", "name"], gc=False)
NarrowProduct = defstruct("NarrowProduct", FIELDS, gc=False)
ListedNarrowProduct = defstruct("ListedNarrowProduct", [*FIELDS, "category"], gc=False)
Product = defstruct("Product", [*FIELDS, *MORE_FIELDS], gc=False)
ListedProduct = defstruct("ListedProduct", [*FIELDS, *MORE_FIELDS, "category"], gc=False)

free: list = []
semaphore = asyncio.Semaphore(10)
encoder = json.Encoder()


async def run(method, sql, argument):
    """Run a prepared statement on one of ten connections."""
    async with semaphore:
        connection, statements = free.pop() if free else (await asyncpg.connect(os.environ["DATABASE_URL"]), {})
        try:
            statement = statements.get(sql)
            if statement is None:
                statement = statements[sql] = await connection.prepare(sql)
            return await getattr(statement, method)(argument)
        finally:
            free.append((connection, statements))


def product(row, struct=Product, *category):
    price = None if row[10] is None else Money(row[10], row[11])
    average = round(row[12] / row[5], 2) if row[5] else None
    return struct(*row[:8], Raw(row[8].encode()), Raw(row[9].encode()), price, average, row[13], *category)


def category(row, start):
    return Category(row[start], row[start + 1], row[start + 2]) if row[start] else None


LISTS = {
    "/products": (WIDE + NEWEST, lambda row: product(row, ListedProduct, category(row, 14))),
    "/narrow-products": (NARROW + NEWEST, lambda row: ListedNarrowProduct(*row[:8], category(row, 8))),
}
DETAILS = {
    "/products/": (f"{WIDE} {BY_ID}", product),
    "/narrow-products/": (f"{NARROW} {BY_ID}", lambda row: NarrowProduct(*row)),
}


async def app(scope, receive, send):
    """Respond to `?limit=N`, or to a UUID at the end of the path."""
    if scope["type"] != "http":
        return
    path, query, status = scope["path"], scope["query_string"], 200
    if query:
        sql, convert = LISTS[path]
        result = {"data": [convert(row) for row in await run("fetch", sql, int(query[6:]))]}
    else:
        sql, convert = DETAILS[path[:-36]]
        row = await run("fetchrow", sql, path[-36:])
        result, status = (convert(row), 200) if row else (None, 404)
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": encoder.encode(result)})
