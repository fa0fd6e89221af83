"""The variants that customers can buy, as carts and quotes need them."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import select

from tradepost.kit.db.column_types import decode_json
from tradepost.kit.operations.service import Service

from ..resource import IS_SOLD, PRODUCT, VARIANT, image_of

SOLD_COLUMNS = (
    VARIANT.c.id,
    VARIANT.c.price_amount,
    VARIANT.c.price_currency,
    VARIANT.c.sku,
    PRODUCT.c.name,
    VARIANT.c.name,
    VARIANT.c.options,
    image_of(PRODUCT.c.id),
    VARIANT.c.tax_class,
    VARIANT.c.weight_grams,
    VARIANT.c.requires_shipping,
    VARIANT.c.withdrawal_excluded,
)
"""The members of a SoldVariant, in their order."""


class SoldVariant(Struct, frozen=True):
    """A variant as it is sold now."""

    id: str
    price: int
    currency: str
    sku: str
    product_name: str
    name: str
    options: Mapping[str, str]
    image_url: str | None
    tax_class: str
    weight_grams: int
    requires_shipping: bool
    withdrawal_excluded: bool

    def line_values(self) -> dict[str, Any]:
        """Return the columns of a cart line that are refreshed whenever it is set."""
        return {
            "product_name": self.product_name,
            "variant_name": self.name,
            "sku": self.sku,
            "image_url": self.image_url,
        }

    def new_line(self, cart_id: str, quantity: int) -> dict[str, Any]:
        """Return the columns of a new cart line."""
        return {
            "cart_id": cart_id,
            "variant_id": self.id,
            "quantity": quantity,
            "added_price_amount": self.price,
            "added_price_currency": self.currency,
            **self.line_values(),
        }


def sold_variant(columns: Sequence[Any]) -> SoldVariant:
    """Return a variant from the values of SOLD_COLUMNS."""
    id, price, currency, sku, product_name, name, options, image_url, tax_class, weight, ships, excluded = columns
    return SoldVariant(
        id=str(id),
        price=price,
        currency=currency,
        sku=sku,
        product_name=product_name,
        name=name,
        options=decode_json(options),
        image_url=image_url,
        tax_class=tax_class,
        weight_grams=weight or 0,
        requires_shipping=bool(ships),
        withdrawal_excluded=bool(excluded),
    )


async def find_sold(service: Service, ids: Sequence[str]) -> Mapping[str, SoldVariant]:
    """Return those of the variants that are sold, by id, by one statement."""
    if not ids:
        return {}
    query = (
        select(*SOLD_COLUMNS)
        .join_from(VARIANT, PRODUCT, PRODUCT.c.id == VARIANT.c.product_id)
        .where(service.context.database.in_values(VARIANT.c.id, ids), IS_SOLD)
    )
    return {row[0]: sold_variant(row) for row in await service.session.execute(query)}
