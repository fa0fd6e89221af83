"""What is answered."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from tradepost.kit.schema.money import Money
from tradepost.kit.schema.validation import END_OF_TEXT, SingleLineText

from .members import (
    SHA256,
    Attributes,
    Barcode,
    CategoryDescription,
    CategoryName,
    Description,
    FileSize,
    Grams,
    Name,
    Options,
    Pixels,
    Position,
    Price,
    Reference,
    Sku,
    Slug,
    Source,
    Tag,
    Tags,
)


class ProductStatus(StrEnum):
    """Drafts and archived products are hidden from the public."""

    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


class Category(Struct):
    """A node of the category tree."""

    id: UUID
    slug: Annotated[Slug, Meta(examples=["chairs"])]
    name: CategoryName
    description: CategoryDescription
    position: Position
    parent_id: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int


class Product(Struct):
    """Something the shop sells, in one or more variants."""

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
    rating_count: Annotated[int, Meta(ge=0, description="How many approved reviews there are.", examples=[12])]
    rating_average: Annotated[
        float | None, Meta(description="Mean of the approved reviews, two decimals.", examples=[4.5])
    ]
    category_id: UUID | None
    external_reference: Reference | None
    source: Source
    created_at: datetime
    updated_at: datetime
    version: int


class Variant(Struct):
    """What is put into a cart: one size, one colour."""

    id: UUID
    product_id: UUID
    sku: Sku
    name: Annotated[
        SingleLineText,
        Meta(
            max_length=200, description="Empty where the variant has neither a name nor options.", examples=["M / red"]
        ),
    ]
    options: Options
    price: Price
    compare_at_price: Annotated[
        Money | None, Meta(description="The price before a reduction.", examples=[{"amount": 17900, "currency": "EUR"}])
    ]
    weight_grams: Grams | None
    barcode: Barcode | None
    attributes: Attributes
    tax_class: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,40}" + END_OF_TEXT, examples=["standard"])]
    track_inventory: bool
    allow_backorder: bool
    position: Position
    external_reference: Reference | None
    source: Source
    imported_quantity: Annotated[int | None, Meta(description="Stock as an import brought it. Needs `stock:read`.")]
    created_at: datetime
    updated_at: datetime
    version: int


class MediaStatus(StrEnum):
    """How far a picture is: only its address is known, it is being fetched, the shop has it, or it could not be had."""

    REMOTE = "remote"
    PENDING = "pending"
    STORED = "stored"
    FAILED = "failed"


class Media(Struct):
    """A picture of a product. What it holds (`mime`, `sha256`, `bytes`, `width`, `height`) is null while it is remote."""

    id: UUID
    product_id: UUID
    source_url: Annotated[
        str | None, Meta(description="Where it came from.", examples=["https://images.example.com/oak-chair-front.jpg"])
    ]
    status: MediaStatus
    mime: Annotated[str | None, Meta(description="Its media type, as its bytes tell.", examples=["image/jpeg"])]
    sha256: Annotated[str | None, Meta(description="The SHA-256 of its bytes, in hexadecimal.", examples=[SHA256])]
    bytes: Annotated[FileSize | None, Meta(description="How large it is.", examples=[248_113])]
    width: Annotated[Pixels | None, Meta(description="In pixels.", examples=[1600])]
    height: Annotated[Pixels | None, Meta(description="In pixels.", examples=[1200])]
    alt: Annotated[
        str, Meta(description="What it shows, for those who do not see it.", examples=["The oak chair from the front"])
    ]
    position: Position
    created_at: datetime
    updated_at: datetime
    version: int


class TagCount(Struct):
    """A tag and how many products that you may see have it."""

    id: UUID
    slug: Tag
    product_count: Annotated[int, Meta(ge=0, examples=[14])]
