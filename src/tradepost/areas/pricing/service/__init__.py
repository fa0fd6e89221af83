"""Services of pricing, one file per aggregate."""

from .shipping_methods import ShippingMethods
from .tax_rates import TaxRates

__all__ = ["ShippingMethods", "TaxRates"]
