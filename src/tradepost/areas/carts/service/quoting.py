"""Quotes: the totals of a cart now, and the problems that prevent an order."""

from collections.abc import Collection, Sequence

from msgspec import Struct

from tradepost.areas.inventory.service import stock_of
from tradepost.areas.pricing.service import (
    Discounts,
    GoodsLine,
    Parcel,
    PaymentMethods,
    ShippingCharge,
    ShippingOffer,
    TaxPlace,
    TaxTable,
    Totals,
    compute_totals,
    shipping_offers,
    taxes,
)
from tradepost.kit.operations.service import Service
from tradepost.kit.writes.call_context import CallContext

from ..resource import carts
from ..schemas import Cart, CartQuote
from .quote_answer import quote_answer
from .quote_lines import QuotedLine, goods_line, read_lines
from .quote_remarks import find_notices, find_problems
from .settings import CartSettings


class QuotedCart(Struct, frozen=True):
    """A cart with its totals: the quote for customers, and the parts that an order keeps.

    lines: those whose variant is sold, in the order of `totals.lines`.
    shipping_offer: the chosen shipping method. None if none is chosen, possible or needed.
    new_tax_rates: the ids of the tax rates in the totals that no order has used.
    """

    cart: Cart
    lines: Sequence[QuotedLine]
    totals: Totals
    shipping_offer: ShippingOffer | None
    new_tax_rates: Collection[str]
    quote: CartQuote

    @property
    def new_shipping_methods(self) -> Collection[str]:
        """The id of the chosen shipping method, if no order has used it."""
        offer = self.shipping_offer
        return [offer.id] if offer is not None and offer.is_new else []


async def quote_cart(context: CallContext, key: str) -> QuotedCart:
    """Return the quote of a visible cart, or raise NotFound.

    It takes five statements, whatever the number of lines.
    """
    settings, cart = context.dependencies.require(CartSettings), await Service(context).find(carts, key)
    lines, capped = await read_lines(context, str(cart.id))
    sold = [line for line in lines if line.variant is not None]
    stock = await stock_of(context, [line.variant_id for line in sold])
    goods = [goods_line(line.quantity, line.variant) for line in lines if line.variant is not None]
    discounts = Discounts()
    place = tax_place(cart, settings.country, needs_shipping=needs_shipping(goods))
    rates = await taxes(context, place, settings.country)
    offers = await _offers(context, cart, goods, discounts)
    chosen = next((offer for offer in offers if offer.id == str(cart.shipping_method_id)), None)
    charge = chosen.charge if chosen is not None else None
    totals = compute_totals(goods, charge, rates.rate, settings.tax_rules, discounts)
    country = None if place.is_estimated else place.country
    quote = quote_answer(
        settings,
        lines,
        stock,
        totals,
        offers,
        tax_estimated=place.is_estimated,
        payment_methods=context.dependencies.require(PaymentMethods).offered(country, totals.grand_total),
        problems=find_problems(cart, lines, stock, offers, needs_shipping=needs_shipping(goods)),
        notices=find_notices(settings.currency, lines, capped),
    )
    return QuotedCart(cart, sold, totals, chosen, _new_tax_rates(rates, goods, charge), quote)


def _new_tax_rates(rates: TaxTable, goods: Sequence[GoodsLine], charge: ShippingCharge | None) -> set[str]:
    """Return the ids of the tax rates of lines and shipping that no order has used."""
    classes = {line.tax_class for line in goods}
    if charge is not None and charge.tax_class is not None:
        classes.add(charge.tax_class)
    return {id for tax_class in classes if (id := rates.new_row(tax_class)) is not None}


def needs_shipping(goods: Sequence[GoodsLine]) -> bool:
    """Whether any line has to be shipped."""
    return any(line.requires_shipping for line in goods)


def tax_place(cart: Cart, shop_country: str, *, needs_shipping: bool) -> TaxPlace:
    """Return where a cart is taxed: at the shipping address, else at the billing address.

    Goods that are not shipped are taxed at the billing address. Without an address, the shop's
    country is an estimate.
    """
    addresses = [cart.shipping_address, cart.billing_address]
    address = next((a for a in (addresses if needs_shipping else addresses[::-1]) if a is not None), None)
    if address is None:
        return TaxPlace(shop_country, is_estimated=True)
    return TaxPlace(address.country, address.region)


async def _offers(
    context: CallContext, cart: Cart, goods: Sequence[GoodsLine], discounts: Discounts
) -> Sequence[ShippingOffer]:
    """Return the shipping methods for the goods that ship; an empty list if none do."""
    if not needs_shipping(goods):
        return []
    country = cart.shipping_address.country if cart.shipping_address is not None else None
    weight = sum(line.weight_grams * line.quantity for line in goods if line.requires_shipping)
    price = sum(line.subtotal for line in goods) - sum(discounts.lines)
    return await shipping_offers(context, Parcel(country, weight, price))
