"""The events of wishlists."""

from tradepost.areas.catalog.resource import variants
from tradepost.kit.writes.event_types import EventType, row_event_types

from . import policy
from .resource import wishes, wishlists

wishlist_events = [
    *row_event_types(wishlists, policy.browse),
    EventType("wishlist.claimed", wishlists, "A wishlist was closed."),
    EventType("wishlist.reopened", wishlists, "A wishlist was opened again."),
    EventType("variant.unwished", variants, "A variant was removed from all wishlists."),
]
wish_events = row_event_types(wishes, policy.browse)
