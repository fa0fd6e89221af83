"""FastAPI + Strawberry on uvicorn: SQLAlchemy (async), a data loader for each relation, the parser and validation caches that its documentation advises."""

import os
from collections import defaultdict
from datetime import datetime
from typing import Any

import strawberry
import tables
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.fastapi import GraphQLRouter
from strawberry.scalars import JSON

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=10, max_overflow=0
)
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def rows(query) -> Any:
    async with sessions() as session:
        return (await session.scalars(query)).all()


async def load_categories(ids):
    found = {c.id: c for c in await rows(select(tables.Category).where(tables.Category.id.in_(ids)))}
    return [found.get(id) for id in ids]


async def load_variants(ids):
    grouped = defaultdict(list)
    for v in await rows(
        select(tables.Variant)
        .where(tables.Variant.product_id.in_(ids))
        .order_by(tables.Variant.position, tables.Variant.id)
    ):
        grouped[v.product_id].append(v)
    return [grouped[id] for id in ids]


async def load_shelves(keys):
    async with sessions() as session:
        found = (await session.execute(tables.shelves([id for id, _ in keys], max(first for _, first in keys)))).all()
    grouped = defaultdict(list)
    for id, product in found:
        grouped[id].append(product)
    return [grouped[id][:first] for id, first in keys]


@strawberry.type
class Money:
    amount: int
    currency: str


@strawberry.type
class Variant:
    id: strawberry.ID
    sku: str
    name: str
    options: JSON
    position: int

    @strawberry.field
    def price(self) -> Money:
        return Money(amount=self.price_amount, currency=self.price_currency)


@strawberry.type
class Category:
    id: strawberry.ID
    slug: str
    name: str
    description: str

    @strawberry.field
    async def products(self, info: strawberry.Info, first: int = 5) -> list["Product"]:
        return await info.context["shelves"].load((self.id, first))


@strawberry.type
class Product:
    id: strawberry.ID
    slug: str
    name: str
    description: str
    status: str
    attributes: JSON
    tags: list[str]
    rating_count: int
    rating_average: float | None
    created_at: datetime
    updated_at: datetime
    version: int

    @strawberry.field
    def price_from(self) -> Money | None:
        return (
            None
            if self.price_from_amount is None
            else Money(amount=self.price_from_amount, currency=self.price_from_currency)
        )

    @strawberry.field
    async def category(self, info: strawberry.Info) -> Category | None:
        return await info.context["categories"].load(self.category_id) if self.category_id else None

    @strawberry.field
    async def variants(self, info: strawberry.Info) -> list[Variant]:
        return await info.context["variants"].load(self.id)


@strawberry.type
class Query:
    @strawberry.field
    async def product(self, id: strawberry.ID) -> Product | None:
        found = await rows(select(tables.Product).where(tables.Product.id == id, tables.Product.status == "active"))
        return found[0] if found else None

    @strawberry.field
    async def products(self, first: int = 20) -> list[Product]:
        return await rows(tables.page(first))

    @strawberry.field
    async def categories(self, first: int = 20) -> list[Category]:
        return await rows(tables.categories(first))


async def context():
    return {
        "categories": DataLoader(load_categories),
        "variants": DataLoader(load_variants),
        "shelves": DataLoader(load_shelves),
    }


schema = strawberry.Schema(
    Query, extensions=[] if os.environ.get("CACHES") == "off" else [ParserCache, ValidationCache]
)
app = FastAPI()
app.include_router(GraphQLRouter(schema, context_getter=context), prefix="/graphql")
