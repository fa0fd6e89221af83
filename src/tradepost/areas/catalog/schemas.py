"""Shapes of the catalogue on the wire, for both doors."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from tradepost.kit.inputs import END, Line, Lines, later, patch_of
from tradepost.kit.money import MOST, Money

SLUG = "^[a-z0-9]+(-[a-z0-9]+)*" + END
# What stands where a slug could stand: `/products/batch`.
RESERVED = frozenset({"batch", "import", "export"})

Slug = Annotated[
    str,
    Meta(pattern=SLUG, max_length=100, description="Lower-case words joined by hyphens; never a UUID.", examples=["oak-chair"]),
]
Name = Annotated[Line, Meta(min_length=1, max_length=200, examples=["Oak chair"])]
CategoryName = Annotated[Name, Meta(examples=["Chairs"])]
Description = Annotated[Lines, Meta(max_length=20_000, description="Plain text or HTML; escape it where you show it.", examples=["Solid oak, oiled by hand."])]
CategoryDescription = Annotated[Description, Meta(examples=["For the table, the desk and the balcony."])]
Sku = Annotated[Line, Meta(min_length=1, max_length=100, description="Stock keeping unit, unique in the shop.", examples=["CHAIR-OAK-01"])]
Tag = Annotated[str, Meta(pattern=SLUG, max_length=60, examples=["outdoor"])]
Tags = Annotated[list[Tag], Meta(max_length=100, description="Lower-case slugs, each once.")]
Attributes = Annotated[dict[str, Any], Meta(description="A free JSON object; its keys are never renamed.", examples=[{"material": "oak"}])]
Options = Annotated[
    dict[Annotated[Line, Meta(min_length=1, max_length=60)], Annotated[Line, Meta(min_length=1, max_length=200)]],
    Meta(max_length=10, description="What tells this variant from its siblings.", examples=[{"size": "M", "colour": "red"}]),
]
Reference = Annotated[Line, Meta(min_length=1, max_length=200, description="The id in the system it came from.", examples=["ERP-10482"])]
Source = Annotated[dict[str, Any] | None, Meta(description="Columns of an import without a home here. Needs `catalog:write`.")]
Grams = Annotated[int, Meta(ge=0, le=100_000_000, description="Weight in grams.", examples=[6200])]
Barcode = Annotated[Line, Meta(max_length=60, description="GTIN, EAN or what the shop scans.", examples=["4006381333931"])]
Price = Annotated[Money, Meta(examples=[{"amount": 14900, "currency": "EUR"}])]
Position = Annotated[int, Meta(ge=0, le=1_000_000, description="Place among its siblings, smallest first.", examples=[1])]

FileSize = Annotated[int, Meta(ge=0, le=MOST, extra_json_schema={"format": "int64"})]
Pixels = Annotated[int, Meta(ge=1)]

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


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
    price_from: Annotated[Money | None, Meta(description="The price of the cheapest variant.", examples=[{"amount": 14900, "currency": "EUR"}])]
    rating_count: Annotated[int, Meta(ge=0, description="How many approved reviews there are.", examples=[12])]
    rating_average: Annotated[float | None, Meta(description="Mean of the approved reviews, two decimals.", examples=[4.5])]
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
    name: Annotated[Name, Meta(examples=["M / red"])]
    options: Options
    price: Price
    compare_at_price: Annotated[Money | None, Meta(description="The price before a reduction.", examples=[{"amount": 17900, "currency": "EUR"}])]
    weight_grams: Grams | None
    barcode: Barcode | None
    attributes: Attributes
    tax_class: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,40}" + END, examples=["standard"])]
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
    source_url: Annotated[str | None, Meta(description="Where it came from.", examples=["https://images.example.com/oak-chair-front.jpg"])]
    status: MediaStatus
    mime: Annotated[str | None, Meta(description="Its media type, as its bytes tell.", examples=["image/jpeg"])]
    sha256: Annotated[str | None, Meta(description="The SHA-256 of its bytes, in hexadecimal.", examples=[SHA256])]
    bytes: Annotated[FileSize | None, Meta(description="How large it is.", examples=[248_113])]
    width: Annotated[Pixels | None, Meta(description="In pixels.", examples=[1600])]
    height: Annotated[Pixels | None, Meta(description="In pixels.", examples=[1200])]
    alt: Annotated[str, Meta(description="What it shows, for those who do not see it.", examples=["The oak chair from the front"])]
    position: Position
    created_at: datetime
    updated_at: datetime
    version: int


class TagCount(Struct):
    """A tag and how many products that you may see have it."""

    id: UUID
    slug: Tag
    product_count: Annotated[int, Meta(ge=0, examples=[14])]


class CategoryInput(Struct, forbid_unknown_fields=True):
    """A category as it is to be; what is left out has its default."""

    name: CategoryName
    slug: Annotated[Slug | UnsetType, Meta(description="Made from the name where absent; on a change the present one stays.", examples=["chairs"])] = UNSET
    description: CategoryDescription = ""
    position: Position = 0
    parent_id: Annotated[UUID | None, Meta(description="Null makes it a root of the tree.")] = None


class ProductInput(Struct, forbid_unknown_fields=True):
    """A product as it is to be; what is left out has its default. Variants have their own paths."""

    name: Name
    slug: Annotated[Slug | UnsetType, Meta(description="Made from the name where absent; on a change the present one stays.")] = UNSET
    description: Description = ""
    status: ProductStatus = ProductStatus.DRAFT
    attributes: Attributes = {}
    tags: Tags = []
    category_id: Annotated[UUID | None, Meta(description="The main category.")] = None
    category_ids: Annotated[Annotated[list[UUID], Meta(max_length=100)] | UnsetType, Meta(description="All categories; the main one is added.")] = UNSET
    external_reference: Reference | None = None
    source: Source = None


class VariantInput(Struct, forbid_unknown_fields=True):
    """A variant as it is to be; what is left out has its default."""

    sku: Sku
    price: Price
    name: Annotated[Annotated[Line, Meta(max_length=200)] | UnsetType, Meta(description="Made from the options where absent.", examples=["M / red"])] = UNSET
    options: Options = {}
    compare_at_price: Annotated[Money | None, Meta(description="The price before a reduction.", examples=[{"amount": 17900, "currency": "EUR"}])] = None
    weight_grams: Grams | None = None
    barcode: Barcode | None = None
    attributes: Attributes = {}
    tax_class: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,40}" + END, examples=["standard"])] = "standard"
    track_inventory: bool = True
    allow_backorder: bool = False
    position: Annotated[Position | UnsetType, Meta(description="Last among its siblings where absent.")] = UNSET
    external_reference: Reference | None = None
    source: Source = None


class ProductCreate(ProductInput, forbid_unknown_fields=True):
    """A new product, with its variants if you like: they are made in the same transaction."""

    variants: Annotated[list[VariantInput], Meta(max_length=100)] = []


class BatchVerb(StrEnum):
    """What an item of a batch does. `upsert` finds the product by `external_reference`, else by `slug`, its variants by `sku`, and makes or changes them."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"


class ProductBatchItem(Struct, forbid_unknown_fields=True):
    """One change of one product: `create` and `upsert` take `input`, `update` takes `id` and `patch`, `delete` takes `id`."""

    op: BatchVerb
    id: UUID | UnsetType = UNSET
    input: Annotated[dict[str, Any] | UnsetType, later(ProductCreate)] = UNSET
    patch: Annotated[dict[str, Any] | UnsetType, later(patch_of(ProductInput))] = UNSET
    expected_version: int | UnsetType = UNSET


BATCH = [
    {"op": "create", "input": {"name": "Oak chair", "status": "active", "variants": [{"sku": "CHAIR-OAK-01", "price": {"amount": 14900, "currency": "EUR"}}]}},
    {"op": "upsert", "input": {"name": "Ash table", "external_reference": "ERP-10483"}},
    {"op": "update", "id": "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02", "patch": {"status": "archived"}, "expected_version": 3},
    {"op": "delete", "id": "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2f02"},
]


class ProductBatch(Struct, forbid_unknown_fields=True):
    """Up to 100 changes in one transaction, each in a savepoint of its own."""

    items: Annotated[list[ProductBatchItem], Meta(min_length=1, max_length=100, examples=[BATCH])]
