"""Response types of the catalogue."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from tradepost.kit.schema.money import Money
from tradepost.kit.schema.validation import SingleLineText

from .members import (
    SHA256_EXAMPLE,
    Attributes,
    Barcode,
    BrandDescription,
    BrandName,
    CategoryDescription,
    CategoryName,
    Description,
    FileSize,
    Grams,
    LowStockThreshold,
    Name,
    Options,
    Pixels,
    Position,
    Price,
    Reference,
    RequiresShipping,
    Sku,
    Slug,
    Source,
    Tag,
    Tags,
    TaxClass,
    WithdrawalExcluded,
)


class ProductStatus(StrEnum):
    """Status of a product. Only active products are public."""

    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


class Category(Struct):
    """A category in the category tree."""

    id: UUID
    slug: Annotated[Slug, Meta(examples=["chairs"])]
    name: CategoryName
    description: CategoryDescription
    position: Position
    parent_id: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int


class Brand(Struct):
    """The brand of products."""

    id: UUID
    slug: Annotated[Slug, Meta(examples=["kjeld-son"])]
    name: BrandName
    description: BrandDescription
    created_at: datetime
    updated_at: datetime
    version: int


class Product(Struct):
    """A product with its variants, images, categories and tags."""

    id: UUID
    slug: Slug
    name: Name
    description: Description
    status: ProductStatus
    attributes: Attributes
    tags: Tags
    price_from: Annotated[
        Money | None,
        Meta(description="The price of the cheapest variant.", examples=[{"amount": 14900, "currency": "EUR"}]),
    ]
    rating_count: Annotated[int, Meta(ge=0, description="Number of approved reviews.", examples=[12])]
    rating_average: Annotated[
        float | None,
        Meta(description="Average rating of the approved reviews, rounded to two decimals.", examples=[4.5]),
    ]
    category_id: UUID | None
    brand_id: UUID | None
    external_reference: Reference | None
    source: Source
    created_at: datetime
    updated_at: datetime
    version: int


class Variant(Struct):
    """A variant of a product, the unit that is sold: one size, one colour."""

    id: UUID
    product_id: UUID
    sku: Sku
    name: Annotated[
        SingleLineText,
        Meta(max_length=200, description="Empty if the variant has neither a name nor options.", examples=["M / red"]),
    ]
    options: Options
    price: Price
    compare_at_price: Annotated[
        Money | None,
        Meta(description="The former price, if this one is reduced.", examples=[{"amount": 17900, "currency": "EUR"}]),
    ]
    weight_grams: Grams | None
    barcode: Barcode | None
    attributes: Attributes
    tax_class: TaxClass
    track_inventory: bool
    allow_backorder: bool
    low_stock_threshold: LowStockThreshold
    requires_shipping: RequiresShipping
    withdrawal_excluded: WithdrawalExcluded
    position: Position
    external_reference: Reference | None
    source: Source
    imported_quantity: Annotated[int | None, Meta(description="Stock level at the last import. Needs `stock:read`.")]
    created_at: datetime
    updated_at: datetime
    version: int


class MediaStatus(StrEnum):
    """Status of an image file.

    `remote`: only its URL is known. `pending`: it is being fetched. `stored`: it is available.
    `failed`: it could not be fetched.
    """

    REMOTE = "remote"
    PENDING = "pending"
    STORED = "stored"
    FAILED = "failed"


class Media(Struct):
    """An image of a product.

    `mime`, `sha256`, `bytes`, `width` and `height` are null while `status` is `remote`.
    """

    id: UUID
    product_id: UUID
    source_url: Annotated[
        str | None,
        Meta(description="The URL it was imported from.", examples=["https://images.example.com/oak-chair-front.jpg"]),
    ]
    status: MediaStatus
    mime: Annotated[str | None, Meta(description="Media type, detected from the content.", examples=["image/jpeg"])]
    sha256: Annotated[
        str | None, Meta(description="SHA-256 of the content, in hexadecimal.", examples=[SHA256_EXAMPLE])
    ]
    bytes: Annotated[FileSize | None, Meta(description="Size in bytes.", examples=[248_113])]
    width: Annotated[Pixels | None, Meta(description="Width in pixels.", examples=[1600])]
    height: Annotated[Pixels | None, Meta(description="Height in pixels.", examples=[1200])]
    alt: Annotated[
        str,
        Meta(
            description="Alternative text for people who cannot see the image.",
            examples=["The oak chair from the front"],
        ),
    ]
    position: Position
    created_at: datetime
    updated_at: datetime
    version: int


class TagCount(Struct):
    """A tag, with the number of products that have it and that you can see."""

    id: UUID
    slug: Tag
    product_count: Annotated[int, Meta(ge=0, examples=[14])]
