"""The events of pricing."""

from tradepost.kit.writes.event_types import row_event_types

from . import policy
from .resource import shipping_methods, tax_rates

EVENT_TYPES = [
    *row_event_types(tax_rates, policy.edit),
    *row_event_types(shipping_methods, policy.browse, policy.edit),
]
