"""The columns of an order and its lines, copied from the cart and its quote."""

from typing import Any

import msgspec

from tradepost.areas.accounts.schemas import PostalAddress
from tradepost.areas.carts.service import QuotedCart, QuotedLine
from tradepost.areas.pricing.service import LineTotals
from tradepost.kit.ids import new_id

from ..models import OrderLineRow, OrderRow


def order_values(quoted: QuotedCart) -> dict[str, Any]:
    """Return the columns of an order that is placed from a cart."""
    cart, totals, quote = quoted.cart, quoted.totals, quoted.quote
    shipping, offer = totals.shipping, quoted.shipping_offer
    return {
        "cart_id": str(cart.id),
        "customer_id": str(cart.customer_id) if cart.customer_id is not None else None,
        "email": cart.email,
        "locale": cart.locale,
        "currency": cart.currency,
        "status": "pending",
        "payment_status": "unpaid",
        "fulfilment_status": "unfulfilled",
        "subtotal_amount": totals.subtotal,
        "discount_total_amount": totals.discount_total,
        "shipping_total_amount": totals.shipping_total,
        "tax_total_amount": totals.tax_total,
        "grand_total_amount": totals.grand_total,
        **{f"{name}_amount": 0 for name in ("cancelled_total", "authorized", "captured", "refunded")},
        "delivery_price_amount": shipping and shipping.price,
        "delivery_discount_amount": shipping and shipping.discount,
        "delivery_tax_amount": shipping and shipping.tax,
        "delivery_total_amount": shipping and shipping.total,
        "prices_include_tax": quote.prices_include_tax,
        "tax_lines": msgspec.to_builtins(quote.tax_lines),
        "promotions": msgspec.to_builtins(quote.promotions),
        "payment_methods": msgspec.to_builtins(quote.payment_methods),
        "shipping_method_code": offer and offer.code,
        "shipping_method_name": offer and offer.name,
        **_address_values("shipping_address", cart.shipping_address),
        **_address_values("billing_address", cart.billing_address),
        "note": cart.note,
        "attributes": cart.attributes,
    }


def line_values(order: OrderRow, quoted: QuotedCart) -> list[dict[str, Any]]:
    """Return the columns of the lines of an order, sorted by variant.

    Inserting a line locks its variant, so all orders lock variants in the same order.
    """
    pairs = zip(quoted.lines, quoted.totals.lines, strict=True)
    lines = [_line(order, position, line, totals) for position, (line, totals) in enumerate(pairs)]
    return sorted(lines, key=lambda line: line["variant_id"])


def _line(order: OrderRow, position: int, line: QuotedLine, totals: LineTotals) -> dict[str, Any]:
    variant = line.variant
    assert variant is not None, "a quote has totals of lines whose variant is sold"
    return {
        "id": new_id(OrderLineRow.__number__),
        "order_id": order.id,
        "position": position,
        "variant_id": line.variant_id,
        "sku": line.sku,
        "product_name": variant.product_name,
        "variant_name": variant.name,
        "options": variant.options,
        "image_url": variant.image_url,
        "requires_shipping": variant.requires_shipping,
        "withdrawal_excluded": variant.withdrawal_excluded,
        "quantity": line.quantity,
        "currency": order.currency,
        "unit_price_amount": variant.price,
        "discount_amount": totals.discount,
        "tax_amount": totals.tax,
        "tax_percentage": totals.rate,
        "total_amount": totals.total,
    }


def _address_values(name: str, address: PostalAddress | None) -> dict[str, Any]:
    """Return the columns of an address, all of which are null if there is none."""
    return {f"{name}_{member}": getattr(address, member, None) for member in PostalAddress.__struct_fields__}
