"""The shop's tables as the SQLAlchemy peers map them, and the statements that their lists have in common. Relations are never loaded by accident."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Select, String, Uuid, lateral, select, true, values
from sqlalchemy import column as column_
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, joinedload, mapped_column, relationship, selectinload

ID = Uuid().with_variant(String(36), "sqlite")
TIME = DateTime(timezone=True).with_variant(String(27), "sqlite")


def new_id() -> uuid.UUID:
    """UUIDv7: its first 48 bits are the time, so that indexes grow at their end, as the shop's do."""
    return uuid.UUID(
        int=(time.time_ns() // 1_000_000) << 80
        | 7 << 76
        | uuid.uuid4().int & 0xFFF << 64
        | 2 << 62
        | uuid.uuid4().int & (1 << 62) - 1
    )


def now() -> datetime:
    """In UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """What every table has."""

    type_annotation_map = {uuid.UUID: ID, datetime: TIME, dict[str, Any]: JSON, list[str]: JSON}
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Category(Base):
    __tablename__ = "category"
    slug: Mapped[str]
    name: Mapped[str]
    description: Mapped[str]
    position: Mapped[int]


class Product(Base):
    __tablename__ = "product"
    slug: Mapped[str]
    name: Mapped[str]
    description: Mapped[str]
    status: Mapped[str]
    attributes: Mapped[dict[str, Any]]
    tags: Mapped[list[str]]
    price_from_amount: Mapped[int | None]
    price_from_currency: Mapped[str | None]
    rating_count: Mapped[int] = mapped_column(default=0)
    rating_sum: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    category_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("category.id"))
    category: Mapped[Category | None] = relationship(lazy="raise")
    variants: Mapped[list["Variant"]] = relationship(lazy="raise", order_by="Variant.position, Variant.id")

    @property
    def price_from(self) -> dict[str, Any] | None:
        """The price of the cheapest variant."""
        return (
            None
            if self.price_from_amount is None
            else {"amount": self.price_from_amount, "currency": self.price_from_currency}
        )

    @property
    def rating_average(self) -> float | None:
        """Two decimals."""
        return round(self.rating_sum / self.rating_count, 2) if self.rating_count else None


class Variant(Base):
    __tablename__ = "variant"
    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("product.id"))
    position: Mapped[int]
    sku: Mapped[str]
    name: Mapped[str]
    options: Mapped[dict[str, str]] = mapped_column(JSON)
    options_key: Mapped[str]
    price_amount: Mapped[int]
    price_currency: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    tax_class: Mapped[str] = mapped_column(default="standard")
    track_inventory: Mapped[bool] = mapped_column(default=True)
    allow_backorder: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)

    @property
    def price(self) -> dict[str, Any]:
        """As one object."""
        return {"amount": self.price_amount, "currency": self.price_currency}


class ProductCategory(Base):
    __tablename__ = "product_category"
    product_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("product.id"))
    category_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("category.id"))
    product_created_at: Mapped[
        datetime | None
    ]  # the product's, set by a trigger: an index has a category's products in this order


class Outbox(Base):
    __tablename__ = "outbox_event"
    type: Mapped[str]
    subject: Mapped[uuid.UUID]
    data: Mapped[dict[str, Any]]
    request_id: Mapped[str]
    due_at: Mapped[datetime | None] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0)


class Audit(Base):
    __tablename__ = "audit_entry"
    role: Mapped[str]
    door: Mapped[str]
    operation: Mapped[str]
    subject: Mapped[uuid.UUID]
    type: Mapped[str]
    data: Mapped[dict[str, Any]]
    request_id: Mapped[str]


def page(limit: int) -> Select[tuple[Product]]:
    """The newest products that the public sees."""
    return (
        select(Product)
        .where(Product.status == "active")
        .order_by(Product.created_at.desc(), Product.id.desc())
        .limit(limit)
    )


def listed(limit: int) -> Select[tuple[Product]]:
    """With their categories, by a join."""
    return page(limit).options(joinedload(Product.category))


def varied(limit: int) -> Select[tuple[Product]]:
    """With their variants, by a second statement."""
    return page(limit).options(selectinload(Product.variants))


def categories(limit: int) -> Select[tuple[Category]]:
    """The first categories."""
    return select(Category).order_by(Category.position, Category.name, Category.id).limit(limit)


def shelves(ids: list[uuid.UUID], first: int) -> Select[tuple[uuid.UUID, Product]]:
    """The first products of each of these categories, by one statement."""
    wanted = values(column_("id", ID), name="wanted").data([(id,) for id in ids])
    inner = (
        select(Product)
        .join(ProductCategory, ProductCategory.product_id == Product.id)
        .where(ProductCategory.category_id == wanted.c.id)
    )
    inner = (
        inner.where(Product.status == "active")
        .order_by(ProductCategory.product_created_at.desc(), ProductCategory.product_id.desc())
        .limit(first)
    )
    shown = aliased(Product, lateral(inner))
    return (
        select(wanted.c.id, shown)
        .select_from(wanted)
        .join(shown, true())
        .order_by(wanted.c.id, shown.created_at.desc(), shown.id.desc())
    )


def made(given: dict[str, Any]) -> tuple[Product, list[Any]]:
    """A new product with its variants, and the rows that go with it: an event and an audit entry for each of them."""
    variants = [
        Variant(
            id=new_id(), position=i, sku=v["sku"], name=" / ".join(v["options"].values()), options=v["options"], options_key=str(sorted(v["options"].items())),
            price_amount=v["price"]["amount"], price_currency=v["price"]["currency"],
        )
        for i, v in enumerate(given["variants"])
    ]  # fmt: skip
    cheapest = min(variants, key=lambda v: v.price_amount)
    own = {name: given[name] for name in ("name", "slug", "description", "status", "attributes", "tags")}
    product = Product(
        id=new_id(),
        price_from_amount=cheapest.price_amount,
        price_from_currency=cheapest.price_currency,
        variants=variants,
        **own,
    )
    request_id, rows = str(new_id()), []
    for type_, subject, data in [
        ("product.created", product.id, {}),
        *[("variant.created", v.id, {"product_id": str(product.id)}) for v in variants],
    ]:
        rows.append(Outbox(type=type_, subject=subject, data=data, request_id=request_id))
        rows.append(
            Audit(
                role="staff",
                door="rest",
                operation="product_create",
                subject=subject,
                type=type_,
                data=data,
                request_id=request_id,
            )
        )
    return product, rows
