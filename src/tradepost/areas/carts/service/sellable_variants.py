"""The variants that customers can buy, as carts need them."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import select

from tradepost.kit.operations.service import Service

from ..resource import IS_SOLD, PRODUCT, VARIANT, image_of


class SellableVariant(Struct, frozen=True):
    """A variant that is sold, with the members that a cart line keeps."""

    id: str
    price: int
    currency: str
    sku: str
    name: str
    product_name: str
    image_url: str | None

    def line_values(self) -> dict[str, Any]:
        """Return the columns of a line that are refreshed whenever it is set."""
        return {
            "product_name": self.product_name,
            "variant_name": self.name,
            "sku": self.sku,
            "image_url": self.image_url,
        }

    def new_line(self, cart_id: str, quantity: int) -> dict[str, Any]:
        """Return the columns of a new line."""
        return {
            "cart_id": cart_id,
            "variant_id": self.id,
            "quantity": quantity,
            "added_price_amount": self.price,
            "added_price_currency": self.currency,
            **self.line_values(),
        }


async def find_sellable(service: Service, ids: Sequence[str]) -> Mapping[str, SellableVariant]:
    """Return those of the variants that are sold, by id, by one statement."""
    if not ids:
        return {}
    query = (
        select(
            VARIANT.c.id,
            VARIANT.c.price_amount,
            VARIANT.c.price_currency,
            VARIANT.c.sku,
            VARIANT.c.name,
            PRODUCT.c.name,
            image_of(PRODUCT.c.id),
        )
        .join_from(VARIANT, PRODUCT, PRODUCT.c.id == VARIANT.c.product_id)
        .where(service.context.database.in_values(VARIANT.c.id, ids), IS_SOLD)
    )
    return {row[0]: SellableVariant(*row) for row in await service.session.execute(query)}
