"""Builds the quote that customers see: amounts as money, rates as text."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from tradepost.areas.inventory.service import VariantStock
from tradepost.areas.pricing.schemas import PaymentMethod
from tradepost.areas.pricing.service import LineTotals, ShippingOffer, Totals
from tradepost.kit.schema.money import Money
from tradepost.kit.schema.rate import rate_text

from ..schemas import (
    CartQuote,
    LineAvailability,
    OfferedShippingMethod,
    PromotionAmount,
    QuoteLine,
    QuoteNotice,
    QuoteProblem,
    ShippingAmounts,
    TaxLine,
)
from .quote_lines import QuotedLine
from .settings import CartSettings


def quote_answer(
    settings: CartSettings,
    lines: Sequence[QuotedLine],
    stock: Mapping[str, VariantStock],
    totals: Totals,
    offers: Sequence[ShippingOffer],
    *,
    tax_estimated: bool,
    payment_methods: list[PaymentMethod],
    problems: list[QuoteProblem],
    notices: list[QuoteNotice],
) -> CartQuote:
    """Return the quote of a cart. `totals` are those of the lines whose variant is sold."""
    currency = settings.currency
    line_totals = iter(totals.lines)
    return CartQuote(
        lines=[_line(line, next(line_totals) if line.variant is not None else None, stock, currency) for line in lines],
        subtotal=Money(totals.subtotal, currency),
        discount_total=Money(totals.discount_total, currency),
        shipping_total=Money(totals.shipping_total, currency),
        shipping=_shipping_amounts(totals, currency),
        tax_total=Money(totals.tax_total, currency),
        tax_lines=_tax_lines(totals, currency),
        tax_estimated=tax_estimated,
        grand_total=Money(totals.grand_total, currency),
        prices_include_tax=settings.tax_rules.prices_include_tax,
        promotions=_promotions(totals, currency),
        shipping_methods=[_method(offer, currency) for offer in offers],
        payment_methods=payment_methods,
        problems=problems,
        notices=notices,
    )


def _shipping_amounts(totals: Totals, currency: str) -> ShippingAmounts | None:
    """Return the amounts of shipping; None if no method is chosen or needed."""
    amounts = totals.shipping
    if amounts is None:
        return None
    parts = [Money(part, currency) for part in (amounts.price, amounts.discount, amounts.tax, amounts.total)]
    return ShippingAmounts(*parts)


def _tax_lines(totals: Totals, currency: str) -> list[TaxLine]:
    """Return the tax by rate."""
    return [
        TaxLine(rate_text(line.rate), Money(line.taxable, currency), Money(line.tax, currency))
        for line in totals.tax_lines
    ]


def _promotions(totals: Totals, currency: str) -> list[PromotionAmount]:
    """Return the promotions that were applied."""
    return [PromotionAmount(p.name, p.code, p.kind, Money(p.amount, currency)) for p in totals.promotions]


def _line(line: QuotedLine, totals: LineTotals | None, stock: Mapping[str, VariantStock], currency: str) -> QuoteLine:
    id, variant, state = UUID(line.variant_id), line.variant, stock.get(line.variant_id)
    availability = LineAvailability(state.availability) if state is not None else LineAvailability.NOT_AVAILABLE
    if variant is None or totals is None:
        unpriced: dict[str, Any] = dict.fromkeys(("unit_price", "discount", "tax", "tax_percentage", "total"))
        return QuoteLine(id, line.quantity, **unpriced, availability=availability)
    return QuoteLine(
        variant_id=id,
        quantity=line.quantity,
        unit_price=Money(variant.price, currency),
        discount=Money(totals.discount, currency),
        tax=Money(totals.tax, currency),
        tax_percentage=rate_text(totals.rate),
        total=Money(totals.total, currency),
        availability=availability,
    )


def _method(offer: ShippingOffer, currency: str) -> OfferedShippingMethod:
    return OfferedShippingMethod(UUID(offer.id), offer.code, offer.name, Money(offer.charge.price, currency))
