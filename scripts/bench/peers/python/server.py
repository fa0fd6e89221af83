"""FastAPI on uvicorn: REST with Pydantic, GraphQL with Strawberry, SQLAlchemy (async).

Return types and eager loading for REST; data loaders and Strawberry's two caches for GraphQL.
"""

import os
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
import tables
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.fastapi import GraphQLRouter

URL = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://")
engine = create_async_engine(URL.replace("sqlite://", "sqlite+aiosqlite://"), pool_size=10, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def lifespan(_: FastAPI):
    async with engine.begin() as connection:
        await connection.run_sync(tables.Base.prepare)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def fetch(query):
    async with sessions() as session:
        return (await session.scalars(query)).all()


async def fetch_product(id: UUID | str):
    query = select(tables.Product).where(tables.Product.id == id, tables.Product.status == "active")
    return next(iter(await fetch(query)), None)


class Model(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Money(Model):
    amount: int
    currency: str


class Category(Model):
    id: UUID
    slug: str
    name: str


class BaseProduct(Model):
    name: str
    slug: str
    description: str
    status: str
    attributes: dict[str, Any]
    tags: list[str]


class Product(BaseProduct):
    id: UUID
    price_from: Money | None
    rating_count: int
    rating_average: float | None
    created_at: datetime
    updated_at: datetime
    version: int


class ListedProduct(Product):
    category: Category | None


class Page(BaseModel):
    data: list[ListedProduct]


class NewVariant(Model):
    sku: str
    options: dict[str, str]
    price: Money


class NewProduct(BaseProduct):
    variants: list[NewVariant]


@app.get("/products/{id}")
async def get_product(id: UUID) -> Product:
    if product := await fetch_product(str(id) if URL.startswith("sqlite") else id):
        return product
    raise HTTPException(404)


@app.get("/products")
async def list_products(limit: int = 20) -> Page:
    return Page(data=await fetch(tables.newest(limit).options(joinedload(tables.Product.category))))


@app.post("/products", status_code=201)
async def create_product(new: NewProduct) -> Product:
    product, more = tables.new_rows(**new.model_dump())
    async with sessions.begin() as session:
        session.add_all([product, *more])
    return product


async def load_categories(ids):
    by_id = {c.id: c for c in await fetch(select(tables.Category).where(tables.Category.id.in_(ids)))}
    return [by_id.get(id) for id in ids]


async def load_variants(ids):
    query, groups = select(tables.Variant).where(tables.Variant.product_id.in_(ids)), defaultdict(list)
    for variant in await fetch(query.order_by(tables.Variant.position, tables.Variant.id)):
        groups[variant.product_id].append(variant)
    return [groups[id] for id in ids]


@strawberry.type(name="Variant")
class VariantType:
    id: strawberry.ID
    sku: str
    name: str
    position: int


@strawberry.type(name="Category")
class CategoryType:
    id: strawberry.ID
    slug: str
    name: str


@strawberry.type(name="Product")
class ProductType:
    id: strawberry.ID
    slug: str
    name: str
    description: str
    status: str
    rating_count: int
    created_at: datetime
    version: int

    @strawberry.field
    async def category(self, info: strawberry.Info) -> CategoryType | None:
        return await info.context["categories"].load(self.category_id) if self.category_id else None

    @strawberry.field
    async def variants(self, info: strawberry.Info) -> list[VariantType]:
        return await info.context["variants"].load(self.id)


@strawberry.type
class Query:
    @strawberry.field
    async def product(self, id: strawberry.ID) -> ProductType | None:
        return await fetch_product(id)

    @strawberry.field
    async def products(self, first: int = 20) -> list[ProductType]:
        return await fetch(tables.newest(first))


async def context():
    return {"categories": DataLoader(load_categories), "variants": DataLoader(load_variants)}


schema = strawberry.Schema(Query, extensions=[ParserCache, ValidationCache])
app.include_router(GraphQLRouter(schema, context_getter=context), prefix="/graphql")
