"""Resources of pricing: visible rows, filters and sorts."""

from tradepost.kit.resource.filters import Sort, equality_filter
from tradepost.kit.resource.resource import Resource

from . import policy
from .models import ShippingMethodRow, TaxRateRow
from .schemas import ShippingMethod, TaxRate

tax_rates = Resource(
    TaxRate,
    TaxRateRow,
    visible=policy.editors,
    order=("country", "tax_class"),
    filters={
        "country": equality_filter(TaxRateRow.country),
        "tax_class": equality_filter(TaxRateRow.tax_class),
        "active": equality_filter(TaxRateRow.active, bool),
    },
    sorts={
        "country": Sort(expression=TaxRateRow.country),
        "tax_class": Sort(expression=TaxRateRow.tax_class),
        "created_at": Sort(expression=TaxRateRow.created_at),
    },
    actions={
        "tax_rate_replace": policy.editors,
        "tax_rate_update": policy.editors,
        "tax_rate_delete": policy.editors,
    },
)

shipping_methods = Resource(
    ShippingMethod,
    ShippingMethodRow,
    visible=policy.shipping_methods,
    order=("position",),
    filters={
        "code": equality_filter(ShippingMethodRow.code, bounded=True),
        "active": equality_filter(ShippingMethodRow.active, bool),
    },
    sorts={
        "position": Sort(expression=ShippingMethodRow.position),
        "name": Sort(expression=ShippingMethodRow.name),
        "created_at": Sort(expression=ShippingMethodRow.created_at),
    },
    actions={
        "shipping_method_replace": policy.editors,
        "shipping_method_update": policy.editors,
        "shipping_method_delete": policy.editors,
    },
)
