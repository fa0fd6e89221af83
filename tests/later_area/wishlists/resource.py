"""Resources of wishlists."""

from tradepost.kit.resource.resource import Resource, Result

from . import policy
from .models import WishlistRow, WishRow
from .schemas import Wish, Wishlist, WishlistSummary

wishlists = Resource(
    Wishlist,
    WishlistRow,
    visible=policy.everyone,
    key_columns=("id", "number"),
    actions={
        "wish_set": policy.open_wishlists,
        "wish_remove": policy.open_wishlists,
        "wish_create": policy.open_wishlists,
        "wishlist_claim": policy.open_wishlists,
    },
)
wishes = Resource(Wish, WishRow, visible=policy.everyone, order=("created_at",))
wishlist_summaries = Result(WishlistSummary)

wishlists.has_many("wishes", wishes, join=WishRow.wishlist_id, default=True)
