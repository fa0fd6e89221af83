"""The problems of a quote, which prevent an order, and its notices, which do not."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from tradepost.areas.inventory.service import VariantStock
from tradepost.areas.pricing.service import ShippingOffer
from tradepost.kit.quoting import quote
from tradepost.kit.schema.money import exponent

from ..schemas import Cart, QuoteNotice, QuoteNoticeCode, QuoteProblem, QuoteProblemCode
from .capped_lines import CappedLine
from .quote_lines import QuotedLine


def find_problems(
    cart: Cart,
    lines: Sequence[QuotedLine],
    stock: Mapping[str, VariantStock],
    offers: Sequence[ShippingOffer],
    *,
    needs_shipping: bool,
) -> list[QuoteProblem]:
    """Return why a cart cannot be ordered as it is."""
    code, problems = QuoteProblemCode, list[QuoteProblem]()
    if not lines:
        problems.append(QuoteProblem(code.CART_EMPTY, "/lines", "The cart has no lines."))
    for index, line in enumerate(lines):
        problems += _line_problems(line, stock.get(line.variant_id), f"/lines/{index}")
    if cart.email is None:
        problems.append(QuoteProblem(code.EMAIL_MISSING, "/email", "An e-mail address is needed."))
    return [*problems, *_shipping_problems(cart, offers)] if needs_shipping else problems


def _line_problems(line: QuotedLine, state: VariantStock | None, pointer: str) -> Iterator[QuoteProblem]:
    if line.variant is None:
        yield QuoteProblem(QuoteProblemCode.NOT_AVAILABLE, pointer, f"{quote(line.sku)} is no longer sold.")
    elif state is None or (state.available is not None and not state.backorder and line.quantity > state.available):
        detail = f"{quote(line.sku)} is not in stock in this quantity."
        yield QuoteProblem(QuoteProblemCode.OUT_OF_STOCK, f"{pointer}/quantity", detail)


def _shipping_problems(cart: Cart, offers: Sequence[ShippingOffer]) -> Iterator[QuoteProblem]:
    code, pointer = QuoteProblemCode, "/shipping_method_id"
    if cart.shipping_address is None:
        yield QuoteProblem(code.SHIPPING_ADDRESS_MISSING, "/shipping_address", "An address of delivery is needed.")
    if cart.shipping_method_id is None:
        yield QuoteProblem(code.SHIPPING_METHOD_MISSING, pointer, "Choose one of `shipping_methods`.")
    elif str(cart.shipping_method_id) not in [offer.id for offer in offers]:
        detail = "The chosen method cannot deliver this cart. Choose one of `shipping_methods`."
        yield QuoteProblem(code.SHIPPING_METHOD_NOT_POSSIBLE, pointer, detail)


def find_notices(currency: str, lines: Sequence[QuotedLine], capped: Sequence[CappedLine]) -> list[QuoteNotice]:
    """Return the changed prices and reduced quantities."""
    notices = list[QuoteNotice]()
    for index, line in enumerate(lines):
        if line.variant is not None and line.variant.price != line.added_price:
            old, new = (amount_text(amount, currency) for amount in (line.added_price, line.variant.price))
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


def amount_text(amount: int, currency: str) -> str:
    """Return an amount of minor units as text: `12.50 EUR`."""
    decimals = exponent(currency)
    return f"{Decimal(amount).scaleb(-decimals):.{decimals}f} {currency}"
