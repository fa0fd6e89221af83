"""Wire types of wishlists."""

from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

Number = Annotated[str, Meta(max_length=40, description="The number of the wishlist.", examples=["1001"])]
Name = Annotated[str, Meta(min_length=1, max_length=100, examples=["Birthday"])]
Quantity = Annotated[int, Meta(ge=1, le=99, description="How many are wanted.", examples=[2])]


class Demand(Enum):
    """How much a variant is wanted."""

    NONE = "none"
    SOME = "some"
    HIGH = "high"


class Wishlist(Struct):
    """A wishlist."""

    id: UUID
    number: Number
    name: Name
    status: str
    created_at: datetime
    updated_at: datetime
    version: int


class Wish(Struct):
    """A variant on a wishlist, and how many of it are wanted."""

    id: UUID
    variant_id: UUID
    quantity: Quantity
    created_at: datetime
    updated_at: datetime
    version: int


class WishlistInput(Struct, forbid_unknown_fields=True):
    """Input for a wishlist."""

    number: Number
    name: Name


class WishInput(Struct, forbid_unknown_fields=True):
    """Input for a wish."""

    quantity: Quantity


class NewWishInput(Struct, forbid_unknown_fields=True):
    """Input for a new wish."""

    variant_id: UUID
    quantity: Quantity = 1


class WishlistSummary(Struct):
    """What is on a wishlist, in numbers."""

    wishes: Annotated[int, Meta(ge=0, description="The number of variants.", examples=[1])]
    units: Annotated[int, Meta(ge=0, description="The number of units.", examples=[2])]
