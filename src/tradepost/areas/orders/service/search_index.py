"""The search documents of orders."""

from collections.abc import Sequence
from typing import Any

from tradepost.kit.text.words import normalize

from ..models import OrderRow


def search_row(order: OrderRow, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the search document of an order: number, e-mail, names of people and goods, SKUs."""
    people = [
        order.shipping_address_name,
        order.shipping_address_company,
        order.billing_address_name,
        order.billing_address_company,
    ]
    name = normalize(order.number, *[text for text in people if text])
    goods = [line[member] for line in lines for member in ("product_name", "variant_name", "sku")]
    return {"id": order.id, "name": name, "words": f"{name} {normalize(order.email, *goods)}".strip()}
