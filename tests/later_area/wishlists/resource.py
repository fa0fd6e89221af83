"""Resources of wishlists, and what they add to products and variants."""

from typing import Annotated

from msgspec import Meta
from sqlalchemy import Boolean, ColumnElement, Integer, Text, case, cast, exists, func, literal, select

from tradepost.areas.catalog.models import ProductRow, VariantRow
from tradepost.areas.catalog.resource import products, variants
from tradepost.kit.auth.access import Viewer, permission
from tradepost.kit.resource.filters import Filter, Sort
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.resource.transitions import Transitions
from tradepost.kit.schema.money import Money

from . import policy
from .models import WishlistRow, WishRow
from .schemas import Demand, Wish, Wishlist, WishlistSummary

wishlists = Resource(
    Wishlist,
    WishlistRow,
    visible=policy.everyone,
    key_columns=("id", "number"),
    actions={
        "wishlist_update": policy.everyone,
        "wish_set": policy.open_wishlists,
        "wish_remove": policy.open_wishlists,
        "wish_create": policy.open_wishlists,
        "wishlist_claim": policy.everyone,
    },
    transitions=Transitions(WishlistRow.status, {"wishlist_claim": (("open",), "claimed")}),
)
wishes = Resource(Wish, WishRow, visible=policy.everyone, order=("created_at",))
wishlist_summaries = Result(WishlistSummary)

wishlists.has_many("wishes", wishes, join=WishRow.wishlist_id, default=True)
wishlists.add_transition("wishlist_reopen", ("claimed",), "open", policy.everyone)
wishes.has_one("variant", variants, join=WishRow.variant_id, back="wishes", back_doc="The wishes for the variant.")


def units(viewer: Viewer) -> ColumnElement[int]:
    """How many units of a variant are on wishlists; without `stock:read`, on open ones only."""
    query = select(func.coalesce(func.sum(WishRow.quantity), 0)).where(WishRow.variant_id == VariantRow.id)
    if not viewer.has_permission("stock:read"):
        query = query.join(WishlistRow, WishlistRow.id == WishRow.wishlist_id).where(WishlistRow.status == "open")
    return cast(query.scalar_subquery(), Integer)


def demand(viewer: Viewer) -> ColumnElement[str]:
    """How much a variant is wanted."""
    count = units(viewer)
    return cast(case((count == 0, literal("none")), (count < 10, literal("some")), else_=literal("high")), Text)


def is_wished() -> ColumnElement[bool]:
    """Products with a variant on a wishlist."""
    return exists().where(WishRow.variant_id == VariantRow.id, VariantRow.product_id == ProductRow.id)


variants.add_member("demand", Demand, expression=demand, doc="How much the variant is wanted.")
variants.add_member(
    "wished_units",
    Annotated[int, Meta(ge=0, examples=[3])],
    expression=units,
    access=permission("stock:read"),
    doc="How many units are on wishlists.",
)
variants.add_member(
    "wished_value",
    Money,
    leaves={
        "amount": lambda viewer: VariantRow.price_amount * units(viewer),
        "currency": VariantRow.price_currency,
    },
)
variants.add_action("variant_unwish", policy.wished_variants)
products.add_filter(
    "wished",
    Filter(type=bool, where=lambda bind: is_wished() == bind(Boolean), doc="Whether a variant is on a wishlist."),
)
products.add_sort("wished", Sort(expression=case((is_wished(), 1), else_=0)))
