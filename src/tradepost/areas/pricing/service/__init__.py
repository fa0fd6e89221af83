"""Services of pricing, one file per aggregate."""

from .currency_check import find_other_shipping_currency
from .payment_methods import PaymentMethods
from .shipping_methods import ShippingMethods
from .shipping_offers import Parcel, ShippingOffer, ShippingProvider, shipping_offers
from .tax import TaxPlace, TaxProvider, TaxTable, taxes
from .tax_rates import TaxRates
from .totals import Discounts, GoodsLine, LineTotals, ShippingCharge, TaxRules, Totals, compute_totals
from .used_rows import mark_pricing_used

__all__ = [
    "Discounts",
    "GoodsLine",
    "LineTotals",
    "Parcel",
    "PaymentMethods",
    "ShippingCharge",
    "ShippingMethods",
    "ShippingOffer",
    "ShippingProvider",
    "TaxPlace",
    "TaxProvider",
    "TaxRates",
    "TaxRules",
    "TaxTable",
    "Totals",
    "compute_totals",
    "find_other_shipping_currency",
    "mark_pricing_used",
    "shipping_offers",
    "taxes",
]
