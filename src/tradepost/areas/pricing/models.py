"""Tables of pricing."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from tradepost.areas.catalog.schemas import MAX_PRICE
from tradepost.kit.db.base import Versioned
from tradepost.kit.db.column_types import Json, SortText


class TaxRateRow(Versioned):
    """The tax of one class of goods in a country, or in a region of it. In parts per million.

    used: whether an order was taxed by it; it is not deleted then.
    """

    __tablename__, __number__ = "tax_rate", 20
    __table_args__ = (
        CheckConstraint("percentage BETWEEN 0 AND 1000000", name="tax_rate_percentage_check"),
        Index("tax_rate_region_key", "country", text("coalesce(region, '')"), "tax_class", unique=True),
        Index("tax_rate_country", "country", "tax_class", "id"),
        Index("tax_rate_created", "created_at", "id"),
    )
    country: Mapped[str] = mapped_column(SortText)
    region: Mapped[str | None]
    tax_class: Mapped[str] = mapped_column(SortText)
    percentage: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True)
    used: Mapped[bool] = mapped_column(default=False, server_default=false())


class ShippingMethodRow(Versioned):
    """A way of delivery and its price.

    used: whether an order was placed with it; it is not deleted then.
    """

    __tablename__, __number__ = "shipping_method", 21
    __table_args__ = (
        UniqueConstraint("code", name="shipping_method_code_key"),
        CheckConstraint(f"price_amount BETWEEN 0 AND {MAX_PRICE}", name="shipping_method_price_check"),
        CheckConstraint(f"free_from_amount BETWEEN 0 AND {MAX_PRICE}", name="shipping_method_free_from_check"),
        CheckConstraint(
            "(free_from_amount IS NULL) = (free_from_currency IS NULL)", name="shipping_method_free_from_pair_check"
        ),
        CheckConstraint(
            "min_weight_grams >= 0 AND max_weight_grams >= min_weight_grams", name="shipping_method_weight_check"
        ),
        Index("shipping_method_position", "position", "id"),
        Index("shipping_method_name", "name", "id"),
        Index("shipping_method_created", "created_at", "id"),
    )
    code: Mapped[str]
    name: Mapped[str] = mapped_column(SortText)
    description: Mapped[str]
    countries: Mapped[list[Any]] = mapped_column(Json)
    price_amount: Mapped[int] = mapped_column(BigInteger)
    price_currency: Mapped[str]
    free_from_amount: Mapped[int | None] = mapped_column(BigInteger)
    free_from_currency: Mapped[str | None]
    min_weight_grams: Mapped[int] = mapped_column(default=0)
    max_weight_grams: Mapped[int | None]
    tax_class: Mapped[str | None]
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    used: Mapped[bool] = mapped_column(default=False, server_default=false())
