"""Tables of the catalogue."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from tradepost.kit.db.base import Table, Versioned
from tradepost.kit.db.column_types import Id, Json, SortText, UTCDateTime
from tradepost.kit.db.full_text import SearchRow

# Partial indexes for the public lists, so that hidden products do not slow them down.
ACTIVE: dict[str, Any] = {"sqlite_where": text("status = 'active'"), "postgresql_where": text("status = 'active'")}
# Exactly the sort keys of `resource.py`: the databases use an index on an expression only for the
# same expression.
PRICE_ASC = text("coalesce(price_from_amount, 9007199254740992)")
PRICE_DESC = text("coalesce(price_from_amount, -1)")


class CategoryRow(Versioned):
    """A node of the category tree.

    `path` holds the ids from the root to this category, each followed by a slash, so the path of
    a descendant starts with it.
    """

    __tablename__, __number__ = "category", 1
    __table_args__ = (
        UniqueConstraint("slug", name="category_slug_key"),
        Index("category_parent", "parent_id", "position", "id"),
        Index("category_position", "position", "id"),
        Index("category_name", "name", "id"),
        Index("category_created", "created_at", "id"),
    )
    slug: Mapped[str]
    name: Mapped[str] = mapped_column(SortText)
    description: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(default=0)
    parent_id: Mapped[str | None] = mapped_column(Id, ForeignKey("category.id"))
    path: Mapped[str]


class BrandRow(Versioned):
    """The brand of products."""

    __tablename__, __number__ = "brand", 6
    __table_args__ = (
        UniqueConstraint("slug", name="brand_slug_key"),
        Index("brand_name", "name", "id"),
        Index("brand_created", "created_at", "id"),
    )
    slug: Mapped[str]
    name: Mapped[str] = mapped_column(SortText)
    description: Mapped[str] = mapped_column(default="")


class ProductRow(Versioned):
    """A product. `price_from_*` is the price of its cheapest variant, kept by the services."""

    __tablename__, __number__ = "product", 2
    __table_args__ = (
        UniqueConstraint("slug", name="product_slug_key"),
        UniqueConstraint("external_reference", name="product_external_reference_key"),
        CheckConstraint("status IN ('draft', 'active', 'archived')", name="product_status_check"),
        Index("product_created", "created_at", "id"),
        Index("product_updated", "updated_at", "id"),
        Index("product_name", "name", "id"),
        Index("product_price", PRICE_ASC, "id"),
        Index("product_price_down", PRICE_DESC, "id"),
        Index("product_active_created", "created_at", "id", **ACTIVE),
        Index("product_active_name", "name", "id", **ACTIVE),
        Index("product_active_price", PRICE_ASC, "id", **ACTIVE),
        Index("product_active_price_down", PRICE_DESC, "id", **ACTIVE),
        Index("product_category_id", "category_id", "created_at", "id"),
        Index("product_brand_id", "brand_id", "created_at", "id"),
    )
    slug: Mapped[str]
    name: Mapped[str] = mapped_column(SortText)
    description: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(default="draft")
    attributes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    tags: Mapped[list[str]] = mapped_column(Json, default=list)
    price_from_amount: Mapped[int | None] = mapped_column(BigInteger)
    price_from_currency: Mapped[str | None]
    rating_count: Mapped[int] = mapped_column(default=0)
    rating_sum: Mapped[int] = mapped_column(default=0)
    category_id: Mapped[str | None] = mapped_column(Id, ForeignKey("category.id", ondelete="SET NULL"))
    brand_id: Mapped[str | None] = mapped_column(Id, ForeignKey("brand.id"))
    external_reference: Mapped[str | None]
    source: Mapped[dict[str, Any] | None] = mapped_column(Json)


class VariantRow(Versioned):
    """A variant of a product, the unit that is sold: one size, one colour.

    `options_key` is the canonical JSON of `options`; a unique constraint keeps the variants of a
    product distinct.
    """

    __tablename__, __number__ = "variant", 3
    __table_args__ = (
        UniqueConstraint("sku", name="variant_sku_key"),
        UniqueConstraint("product_id", "options_key", name="variant_options_key"),
        Index("variant_product", "product_id", "position", "id"),
        Index("variant_price_currency", "price_currency"),
        Index("variant_barcode", "barcode", "id"),
        Index("variant_created", "created_at", "id"),
        Index("variant_price", "price_amount", "id"),
        Index("variant_position", "position", "id"),
        CheckConstraint("low_stock_threshold >= 0", name="variant_low_stock_threshold_check"),
    )
    product_id: Mapped[str] = mapped_column(Id, ForeignKey("product.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(default=0)
    sku: Mapped[str] = mapped_column(SortText)
    name: Mapped[str] = mapped_column(SortText)
    options: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    options_key: Mapped[str]
    price_amount: Mapped[int] = mapped_column(BigInteger)
    price_currency: Mapped[str]
    compare_at_price_amount: Mapped[int | None] = mapped_column(BigInteger)
    compare_at_price_currency: Mapped[str | None]
    weight_grams: Mapped[int | None]
    barcode: Mapped[str | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    tax_class: Mapped[str] = mapped_column(default="standard")
    track_inventory: Mapped[bool] = mapped_column(Boolean, default=True)
    allow_backorder: Mapped[bool] = mapped_column(Boolean, default=False)
    low_stock_threshold: Mapped[int | None]
    requires_shipping: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    withdrawal_excluded: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    external_reference: Mapped[str | None]
    source: Mapped[dict[str, Any] | None] = mapped_column(Json)
    imported_quantity: Mapped[int | None]


class TagRow(Table):
    """A tag. It is created with the first product that has it."""

    __tablename__, __number__ = "tag", 4
    __table_args__ = (UniqueConstraint("slug", name="tag_slug_key"),)
    slug: Mapped[str] = mapped_column(SortText)


class MediaRow(Versioned):
    """An image of a product.

    While `status` is `remote`, only `source_url` is known. Type, checksum and dimensions are
    null until the file has been fetched.
    """

    __tablename__, __number__ = "media", 5
    __table_args__ = (
        CheckConstraint("status IN ('remote', 'pending', 'stored', 'failed')", name="media_status_check"),
        CheckConstraint(
            "status <> 'remote' OR (mime IS NULL AND sha256 IS NULL AND bytes IS NULL"
            " AND width IS NULL AND height IS NULL)",
            name="media_remote_check",
        ),
        Index("media_product", "product_id", "position", "id"),
    )
    product_id: Mapped[str] = mapped_column(Id, ForeignKey("product.id", ondelete="CASCADE"))
    source_url: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="remote")
    mime: Mapped[str | None]
    sha256: Mapped[str | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    width: Mapped[int | None]
    height: Mapped[int | None]
    alt: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(default=0)


class ProductCategoryRow(Table):
    """Link table of products and categories. The main category has a row too.

    `product_created_at` is the `created_at` of the product, set by a trigger, so that an index
    holds the products of a category in the order of their list.
    """

    __tablename__, __number__ = "product_category", 240
    __table_args__ = (
        UniqueConstraint("product_id", "category_id", name="product_category_key"),
        Index("product_category_category", "category_id", "product_created_at", "product_id"),
    )
    product_id: Mapped[str] = mapped_column(Id, ForeignKey("product.id", ondelete="CASCADE"))
    category_id: Mapped[str] = mapped_column(Id, ForeignKey("category.id", ondelete="CASCADE"))
    product_created_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ProductTagRow(Table):
    """Link table of products and tags, for filters and counts. Reads use `ProductRow.tags`."""

    __tablename__, __number__ = "product_tag", 241
    __table_args__ = (
        UniqueConstraint("product_id", "tag_id", name="product_tag_key"),
        Index("product_tag_tag", "tag_id", "product_id"),
    )
    product_id: Mapped[str] = mapped_column(Id, ForeignKey("product.id", ondelete="CASCADE"))
    tag_id: Mapped[str] = mapped_column(Id, ForeignKey("tag.id", ondelete="CASCADE"))


class ProductSearchRow(SearchRow):
    """The search document of a product.

    `name` holds the words of its name, `words` those of its name, SKUs, tags and description.
    """

    __tablename__ = "product_search"
    id: Mapped[str] = mapped_column(Id, ForeignKey("product.id", ondelete="CASCADE"), unique=True)
