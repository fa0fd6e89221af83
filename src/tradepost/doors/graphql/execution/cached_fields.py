"""The values of public root fields in the read cache."""

from typing import Any

import msgspec

from tradepost.kit.cache.read_cache import CacheEntry, ReadCache
from tradepost.kit.lru import without_spare_room
from tradepost.kit.operations.pricing import Price
from tradepost.kit.query.source_tables import ReadDependencies
from tradepost.kit.writes.call_context import CallContext

from ..plan.arguments import Variables
from ..plan.root_plans import Root

encode = msgspec.json.Encoder().encode
MAX_VARIABLES_BYTES = 2000
"""Values that depend on longer variables are not cached."""


async def cached_value(
    cache: ReadCache, key: tuple[Any, ...], root: Root, variables: Variables, context: CallContext, price: Price
) -> bytes:
    """Return the bytes of one root field from the read cache, which is filled if necessary."""
    entry = cache.get(key)
    if entry is None:
        number, encoded, *caller = key
        entry = await cache.fill(
            (number, without_spare_room(encoded), *caller),
            lambda dependencies: cache_entry(root, variables, context, price, dependencies, len(encoded)),
        )
    context.meter.net += entry.net
    return entry.value


def cache_key(root: Root, variables: Variables, context: CallContext) -> tuple[Any, ...] | None:
    """Return the key of a root field in the read cache.

    None if its variables are not JSON, or too long to be part of a key. `cache_id` stands for the
    field, because the cache may outlive the plan.
    """
    caller = context.caller
    try:
        encoded = encode(variables.coerced) if variables.coerced else b""
    except (TypeError, ValueError, OverflowError):
        return None
    if len(encoded) > MAX_VARIABLES_BYTES:
        return None
    return root.cache_id, encoded, caller.permissions, caller.is_authenticated


async def cache_entry(
    root: Root,
    variables: Variables,
    context: CallContext,
    price: Price,
    dependencies: ReadDependencies,
    key_bytes: int,
) -> CacheEntry:
    """Run a root field and return its value as a cache entry.

    It runs in a context of its own, because other fields record what they read at the same time.
    """
    value, rows = await root.value(context.recording(dependencies), variables)
    encoded = encode(value)
    if value is None:
        return CacheEntry(encoded, 0, min(price.points, 1), uncacheable=True)
    # A missing object in `nodes` has no tag, so creating it would not invalidate the entry.
    has_missing_node = isinstance(value, list) and None in value
    return CacheEntry(
        without_spare_room(encoded), len(encoded) + key_bytes, price.net(rows), uncacheable=has_missing_node
    )
