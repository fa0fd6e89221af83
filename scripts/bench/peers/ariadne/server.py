"""Ariadne on uvicorn: SQLAlchemy (async), a data loader for each relation."""

import os
from collections import defaultdict

import tables
from aiodataloader import DataLoader
from ariadne import ObjectType, QueryType, ScalarType, make_executable_schema
from ariadne.asgi import GraphQL
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=10, max_overflow=0
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
SCHEMA = """
scalar JSON
scalar DateTime
type Money { amount: Int! currency: String! }
type Variant { id: ID! sku: String! name: String! options: JSON! price: Money! position: Int! }
type Category { id: ID! slug: String! name: String! description: String! products(first: Int = 5): [Product!]! }
type Product {
  id: ID! slug: String! name: String! description: String! status: String! attributes: JSON! tags: [String!]! priceFrom: Money ratingCount: Int!
  ratingAverage: Float createdAt: DateTime! updatedAt: DateTime! version: Int! category: Category variants: [Variant!]!
}
type Query { product(id: ID!): Product products(first: Int = 20): [Product!]! categories(first: Int = 20): [Category!]! }
"""
query, product, category = QueryType(), ObjectType("Product"), ObjectType("Category")
moment = ScalarType("DateTime", serializer=lambda value: value.isoformat())


async def rows(statement):
    async with sessions() as session:
        return (await session.scalars(statement)).all()


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
    for id, shown in found:
        grouped[id].append(shown)
    return [grouped[id][:first] for id, first in keys]


@query.field("product")
async def one(_, info, id):
    found = await rows(select(tables.Product).where(tables.Product.id == id, tables.Product.status == "active"))
    return found[0] if found else None


@query.field("products")
async def many(_, info, first):
    return await rows(tables.page(first))


@query.field("categories")
async def all_categories(_, info, first):
    return await rows(tables.categories(first))


@product.field("category")
async def its_category(row, info):
    return await info.context["categories"].load(row.category_id) if row.category_id else None


@product.field("variants")
async def its_variants(row, info):
    return await info.context["variants"].load(row.id)


@category.field("products")
async def its_products(row, info, first):
    return await info.context["shelves"].load((row.id, first))


def context(request, _data):
    return {
        "request": request,
        "categories": DataLoader(load_categories),
        "variants": DataLoader(load_variants),
        "shelves": DataLoader(load_shelves),
    }


schema = make_executable_schema(SCHEMA, query, product, category, moment, convert_names_case=True)
app = GraphQL(schema, context_value=context)
