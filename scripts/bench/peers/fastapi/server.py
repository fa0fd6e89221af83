"""FastAPI + Pydantic + SQLAlchemy (async) on uvicorn: return types, so that Pydantic writes the bytes; one pool; eager loading."""

import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import tables
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

URL = (
    os.environ["DATABASE_URL"]
    .replace("postgresql://", "postgresql+asyncpg://")
    .replace("sqlite://", "sqlite+aiosqlite://")
)
engine = create_async_engine(URL, pool_size=10, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)
as_text = URL.startswith("sqlite")


async def opened() -> AsyncIterator[AsyncSession]:
    """A session for one request."""
    async with sessions() as session:
        yield session


type Session = Annotated[AsyncSession, Depends(opened)]


class Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Money(Shape):
    amount: int
    currency: str


class Category(Shape):
    id: UUID
    slug: str
    name: str


class Product(Shape):
    id: UUID
    slug: str
    name: str
    description: str
    status: str
    attributes: dict[str, Any]
    tags: list[str]
    price_from: Money | None
    rating_count: int
    rating_average: float | None
    created_at: datetime
    updated_at: datetime
    version: int


class Listed(Product):
    category: Category | None


class Variant(Shape):
    id: UUID
    sku: str
    name: str
    options: dict[str, str]
    price: Money
    position: int


class Varied(Product):
    variants: list[Variant]


class Shown(Shape):
    id: UUID
    slug: str
    name: str
    price_from: Money | None


class Shelf(Shape):
    id: UUID
    slug: str
    name: str
    description: str
    products: list[Shown]


class Page[T](BaseModel):
    data: list[T]


class NewVariant(BaseModel):
    sku: str
    options: dict[str, str]
    price: Money


class NewProduct(BaseModel):
    name: str
    slug: str
    description: str
    status: str
    attributes: dict[str, Any]
    tags: list[str]
    variants: list[NewVariant]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Closes the pool at the end."""
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/products/{id}")
async def product(id: UUID, session: Session) -> Product:
    query = select(tables.Product).where(
        tables.Product.id == (str(id) if as_text else id), tables.Product.status == "active"
    )
    found = await session.scalar(query)
    if found is None:
        raise HTTPException(404)
    return found


@app.get("/products")
async def products(session: Session, limit: int = 20) -> Page[Listed]:
    return Page(data=(await session.scalars(tables.listed(limit))).all())


@app.get("/products-with-variants")
async def products_with_variants(session: Session, limit: int = 20) -> Page[Varied]:
    return Page(data=(await session.scalars(tables.varied(limit))).all())


@app.get("/categories")
async def categories(session: Session, limit: int = 20) -> Page[Shelf]:
    found = (await session.scalars(tables.categories(limit))).all()
    grouped = defaultdict(list)
    for id, shown in await session.execute(tables.shelves([c.id for c in found], 5)):
        grouped[id].append(shown)
    return Page(
        data=[
            Shelf(id=c.id, slug=c.slug, name=c.name, description=c.description, products=grouped[c.id]) for c in found
        ]
    )


@app.post("/products", status_code=201)
async def create(new: NewProduct, session: Session) -> Product:
    made, rows = tables.made(new.model_dump())
    session.add_all([made, *rows])
    await session.commit()
    return made
