"""Tables of wishlists."""

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tradepost.areas.catalog.models import VariantRow
from tradepost.kit.db.base import Versioned
from tradepost.kit.db.column_types import Id


class WishlistRow(Versioned):
    """A wishlist."""

    __tablename__, __number__ = "wishlist", 200
    number: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    status: Mapped[str] = mapped_column(default="open")


class WishRow(Versioned):
    """A variant on a wishlist, and how many of it are wanted."""

    __tablename__, __number__ = "wish", 201
    __table_args__ = (UniqueConstraint("wishlist_id", "variant_id"),)
    wishlist_id: Mapped[str] = mapped_column(Id, ForeignKey(WishlistRow.id, ondelete="CASCADE"))
    variant_id: Mapped[str] = mapped_column(Id, ForeignKey(VariantRow.id, ondelete="CASCADE"))
    quantity: Mapped[int]
