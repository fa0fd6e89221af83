"""The shop's tables, which SQLAlchemy reflects from the database."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.declarative import DeferredReflection
from sqlalchemy.orm import DeclarativeBase, Mapped, relationship


def new_id() -> uuid.UUID:
    """A UUIDv7. It begins with the time, so indexes grow at their end, as Tradepost's do."""
    return uuid.UUID(int=time.time_ns() // 1_000_000 << 80 | 7 << 76 | uuid.uuid4().int & (1 << 76) - 1)


class Base(DeferredReflection, DeclarativeBase):
    pass


class Category(Base):
    __tablename__ = "category"


class Product(Base):
    __tablename__ = "product"
    category: Mapped[Category | None] = relationship(lazy="raise")
    variants: Mapped[list["Variant"]] = relationship(lazy="raise")

    @property
    def price_from(self) -> dict[str, Any] | None:
        if self.price_from_amount is None:
            return None
        return {"amount": self.price_from_amount, "currency": self.price_from_currency}

    @property
    def rating_average(self) -> float | None:
        return round(self.rating_sum / self.rating_count, 2) if self.rating_count else None


class Variant(Base):
    __tablename__ = "variant"


class Event(Base):
    __tablename__ = "outbox_event"


class AuditEntry(Base):
    __tablename__ = "audit_entry"


def newest(limit: int) -> Select[tuple[Product]]:
    """The newest public products."""
    order = Product.created_at.desc(), Product.id.desc()
    return select(Product).where(Product.status == "active").order_by(*order).limit(limit)


def new_rows(variants: list[dict[str, Any]], **values: Any) -> tuple[Product, list[Base]]:
    """A new product with its variants; an event and an audit entry for each of these rows."""
    now = datetime.now(UTC)
    times, versioned = {"created_at": now, "updated_at": now}, {"version": 1, "created_at": now, "updated_at": now}
    defaults = {"tax_class": "standard", "track_inventory": True, "allow_backorder": False, "attributes": {}}
    product = Product(id=new_id(), rating_count=0, rating_sum=0, **values, **versioned)
    for position, v in enumerate(variants):
        options, price = v["options"], {f"price_{part}": value for part, value in v["price"].items()}
        texts = {"sku": v["sku"], "name": " / ".join(options.values()), "options_key": str(sorted(options.items()))}
        columns = texts | price | defaults | versioned
        product.variants.append(Variant(id=new_id(), position=position, options=options, **columns))
    cheapest = min(product.variants, key=lambda variant: variant.price_amount)
    product.price_from_amount, product.price_from_currency = cheapest.price_amount, cheapest.price_currency
    rows, common = [], {"request_id": str(new_id()), **times}
    audit = {"role": "staff", "door": "rest", "operation": "product_create"}
    for row in (product, *product.variants):
        data = {"product_id": str(product.id)} if row is not product else {}
        event = {"type": f"{row.__tablename__}.created", "subject": row.id, "data": data, **common}
        rows += [Event(id=new_id(), due_at=now, attempts=0, **event), AuditEntry(id=new_id(), **audit, **event)]
    return product, rows
