"""The problems of a quote, which prevent an order, and its notices, which do not."""

from collections.abc import Iterator, Mapping, Sequence

from tradepost.areas.inventory.service import VariantStock
from tradepost.areas.pricing.service import ShippingOffer
from tradepost.kit.quoting import quote
from tradepost.kit.schema.money import format_money

from ..schemas import Cart, QuoteNotice, QuoteNoticeCode, QuoteProblem, QuoteProblemCode
from .capped_lines import CappedLine
from .quote_lines import QuotedLine

CHOOSE_METHOD = "Set `shipping_method_id` to one of `shipping_methods`."


def find_problems(
    cart: Cart,
    lines: Sequence[QuotedLine],
    stock: Mapping[str, VariantStock],
    offers: Sequence[ShippingOffer],
    *,
    needs_shipping: bool,
) -> list[QuoteProblem]:
    """Return the reasons why a cart cannot be ordered as it is."""
    code, problems = QuoteProblemCode, list[QuoteProblem]()
    if not lines:
        problems.append(QuoteProblem(code.CART_EMPTY, "/lines", "The cart is empty. Add a line."))
    for index, line in enumerate(lines):
        problems += _line_problems(line, stock.get(line.variant_id), f"/lines/{index}")
    if cart.email is None:
        problems.append(QuoteProblem(code.EMAIL_MISSING, "/email", "An e-mail address is required. Set `email`."))
    return [*problems, *_shipping_problems(cart, offers)] if needs_shipping else problems


def _line_problems(line: QuotedLine, state: VariantStock | None, pointer: str) -> Iterator[QuoteProblem]:
    if line.variant is None:
        detail = f"{quote(line.sku)} is no longer sold. Remove the line."
        yield QuoteProblem(QuoteProblemCode.NOT_AVAILABLE, pointer, detail)
    elif state is None or (state.available is not None and not state.backorder and line.quantity > state.available):
        detail = f"{quote(line.sku)} is not in stock in this quantity. Reduce `quantity`, or remove the line."
        yield QuoteProblem(QuoteProblemCode.OUT_OF_STOCK, f"{pointer}/quantity", detail)


def _shipping_problems(cart: Cart, offers: Sequence[ShippingOffer]) -> Iterator[QuoteProblem]:
    code, pointer = QuoteProblemCode, "/shipping_method_id"
    if cart.shipping_address is None:
        detail = "A shipping address is required. Set `shipping_address`."
        yield QuoteProblem(code.SHIPPING_ADDRESS_MISSING, "/shipping_address", detail)
    if cart.shipping_method_id is None:
        yield QuoteProblem(code.SHIPPING_METHOD_MISSING, pointer, f"A shipping method is required. {CHOOSE_METHOD}")
    elif str(cart.shipping_method_id) not in [offer.id for offer in offers]:
        detail = f"This shipping method cannot deliver the cart. {CHOOSE_METHOD}"
        yield QuoteProblem(code.SHIPPING_METHOD_NOT_POSSIBLE, pointer, detail)


def find_notices(currency: str, lines: Sequence[QuotedLine], capped: Sequence[CappedLine]) -> list[QuoteNotice]:
    """Return the changed prices and reduced quantities."""
    notices = list[QuoteNotice]()
    for index, line in enumerate(lines):
        if line.variant is not None and line.variant.price != line.added_price:
            old, new = (format_money(amount, currency) for amount in (line.added_price, line.variant.price))
            detail = f"The price of {quote(line.sku)} was {old} and is now {new}."
            notices.append(QuoteNotice(QuoteNoticeCode.PRICE_CHANGED, f"/lines/{index}/unit_price", detail))
    indexes = {line.variant_id: index for index, line in enumerate(lines)}
    return [*notices, *[_capped_notice(line, indexes.get(line.variant_id)) for line in capped]]


def _capped_notice(line: CappedLine, index: int | None) -> QuoteNotice:
    pointer = "/lines" if index is None else f"/lines/{index}/quantity"
    detail = (
        f"When carts were merged, the quantity of {quote(line.sku)} was reduced "
        f"from {line.requested} to {line.quantity}."
    )
    return QuoteNotice(QuoteNoticeCode.QUANTITY_CAPPED, pointer, detail)
