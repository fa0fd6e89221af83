"""A free JSON object of limited size: the `attributes` of carts and orders."""

from typing import Annotated, Any

from msgspec import Meta

from .preparation import MAX_BYTES

SmallObject = Annotated[
    dict[str, Any],
    Meta(
        description="Any JSON object of at most 4 kB (4,096 bytes). Its keys are returned unchanged.",
        examples=[{"gift_wrap": True}],
        extra={MAX_BYTES: 4096},
    ),
]
"""Its size is that of its JSON without white space."""
