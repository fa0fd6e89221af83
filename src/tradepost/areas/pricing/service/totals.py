"""The totals of a cart or an order (SELLING.md, 1 to 3): pure arithmetic in minor units.

Each part is rounded once and stored; totals are sums of these parts. `total` of a line and of
shipping is the price that the customer pays, tax included, so the totals of the parts add up to the
grand total, whether prices include tax or not.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from tradepost.kit.schema.money_arithmetic import Rounding, allocate, apply_rate, included_part

type RateOf = Callable[[str], int]
"""Returns the rate of a tax class, in parts per million: `TaxTable.rate`."""


class TaxRules(Struct, frozen=True):
    """How a shop states and rounds tax: the settings PRICES_INCLUDE_TAX and TAX_ROUNDING.

    step: tax that is added to prices is a multiple of this many minor units, as prices are, so that
        the total can be charged. Tax within a price is not charged by itself.
    """

    prices_include_tax: bool = True
    rounding: Rounding = "half_up"
    step: int = 1

    def tax(self, amount: int, rate: int) -> int:
        """Return the tax on a discounted amount."""
        if self.prices_include_tax:
            return included_part(amount, rate, self.rounding)
        return apply_rate(amount, rate, self.rounding, self.step)

    def gross(self, amount: int, tax: int) -> int:
        """Return an amount with its tax."""
        return amount if self.prices_include_tax else amount + tax


class GoodsLine(Struct, frozen=True):
    """A line to be priced. `unit_price` in minor units, `weight_grams` of one unit."""

    unit_price: int
    quantity: int
    tax_class: str = "standard"
    requires_shipping: bool = True
    weight_grams: int = 0

    @property
    def subtotal(self) -> int:
        """The price of all units, before discounts."""
        return self.unit_price * self.quantity


class ShippingCharge(Struct, frozen=True):
    """The price of a shipping method for a cart. `tax_class` None: taxed like the goods."""

    price: int
    tax_class: str | None = None


class AppliedPromotion(Struct, frozen=True):
    """A promotion that took part, as orders keep it."""

    name: str
    code: str | None
    kind: str
    amount: int


class Discounts(Struct, frozen=True):
    """The reductions of lines and shipping by promotions. `lines` is empty if there are none."""

    lines: Sequence[int] = ()
    shipping: int = 0
    promotions: Sequence[AppliedPromotion] = ()


NO_DISCOUNTS = Discounts()


class LineTotals(Struct, frozen=True):
    """The stored parts of a line. `rate` in parts per million."""

    subtotal: int
    discount: int
    rate: int
    tax: int
    total: int


class ShippingTotals(Struct, frozen=True):
    """The stored parts of shipping."""

    price: int
    discount: int
    tax: int
    total: int


class TaxLine(Struct, frozen=True):
    """The amounts taxed at one rate: `taxable` is their sum without the tax."""

    rate: int
    taxable: int
    tax: int


class Totals(Struct, frozen=True):
    """The totals of a cart or an order. `shipping` is None if no charge applies (yet)."""

    lines: Sequence[LineTotals]
    shipping: ShippingTotals | None
    tax_lines: Sequence[TaxLine]
    subtotal: int
    discount_total: int
    shipping_total: int
    tax_total: int
    grand_total: int
    promotions: Sequence[AppliedPromotion]


def compute_totals(
    lines: Sequence[GoodsLine],
    shipping: ShippingCharge | None,
    rate_of: RateOf,
    rules: TaxRules,
    discounts: Discounts = NO_DISCOUNTS,
) -> Totals:
    """Return the totals of lines and shipping in one currency."""
    priced = [
        _line_totals(line, discount, rate_of(line.tax_class), rules)
        for line, discount in zip(lines, discounts.lines or [0] * len(lines), strict=True)
    ]
    taxed = [(p.rate, p.subtotal - p.discount, p.tax) for p in priced]
    shipping_totals = None
    if shipping is not None:
        parts = _shipping_parts(lines, priced, shipping, discounts.shipping, rate_of, rules)
        taxed += parts
        shipping_totals = _shipping_totals(shipping, discounts.shipping, parts, rules)
    shipped = shipping_totals or ShippingTotals(0, 0, 0, 0)
    return Totals(
        lines=priced,
        shipping=shipping_totals,
        tax_lines=_tax_lines(taxed, rules),
        subtotal=sum(p.subtotal for p in priced),
        discount_total=sum(p.discount for p in priced) + shipped.discount,
        shipping_total=shipped.price,
        tax_total=sum(p.tax for p in priced) + shipped.tax,
        grand_total=sum(p.total for p in priced) + shipped.total,
        promotions=discounts.promotions,
    )


def _line_totals(line: GoodsLine, discount: int, rate: int, rules: TaxRules) -> LineTotals:
    """Tax the discounted line as a whole, never per unit."""
    amount = line.subtotal - discount
    tax = rules.tax(amount, rate)
    return LineTotals(line.subtotal, discount, rate, tax, rules.gross(amount, tax))


def _shipping_parts(
    lines: Sequence[GoodsLine],
    priced: Sequence[LineTotals],
    shipping: ShippingCharge,
    discount: int,
    rate_of: RateOf,
    rules: TaxRules,
) -> list[tuple[int, int, int]]:
    """Return rate, amount and tax of each part of discounted shipping.

    Without a tax class of its own it is split over the rates of the lines that ship, by their
    discounted amounts: a parcel of books and wine is taxed in proportion.
    """
    amount = shipping.price - discount
    if shipping.tax_class is not None:
        split = {rate_of(shipping.tax_class): amount}
    else:
        split = _split(amount, [(p, line) for p, line in zip(priced, lines, strict=True) if line.requires_shipping])
    return [(rate, part, rules.tax(part, rate)) for rate, part in split.items()]


def _split(amount: int, shipped: Sequence[tuple[LineTotals, GoodsLine]]) -> dict[int, int]:
    """Split an amount over the tax rates of lines.

    By their discounted amounts; if all are 0, by the undiscounted ones, and if these are 0 too (a
    parcel of free samples), by their units. Nothing to go by: it is not taxed.
    """
    by_discounted, by_subtotal, by_units = dict[int, int](), dict[int, int](), dict[int, int]()
    for totals, line in shipped:
        for weights, weight in (
            (by_discounted, totals.subtotal - totals.discount),
            (by_subtotal, totals.subtotal),
            (by_units, line.quantity),
        ):
            weights[totals.rate] = weights.get(totals.rate, 0) + weight
    weights = next((w for w in (by_discounted, by_subtotal, by_units) if any(w.values())), {0: 1})
    return dict(zip(weights, allocate(amount, list(weights.values())), strict=True))


def _shipping_totals(
    shipping: ShippingCharge, discount: int, parts: Sequence[tuple[int, int, int]], rules: TaxRules
) -> ShippingTotals:
    tax = sum(tax for _, _, tax in parts)
    return ShippingTotals(shipping.price, discount, tax, rules.gross(shipping.price - discount, tax))


def _tax_lines(taxed: Sequence[tuple[int, int, int]], rules: TaxRules) -> list[TaxLine]:
    """Sum amounts and taxes by rate, the highest rate first. What costs nothing is left out."""
    sums: dict[int, tuple[int, int]] = {}
    for rate, amount, tax in taxed:
        taxable, taxes = sums.get(rate, (0, 0))
        sums[rate] = (taxable + rules.gross(amount, tax) - tax, taxes + tax)
    return [TaxLine(rate, *sums[rate]) for rate in sorted(sums, reverse=True) if any(sums[rate])]
