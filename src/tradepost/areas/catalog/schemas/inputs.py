"""What is sent."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from tradepost.kit.schema.money import Money
from tradepost.kit.schema.validation import END_OF_TEXT, SingleLineText, deferred, merge_patch_type

from .members import (
    Attributes,
    Barcode,
    CategoryDescription,
    CategoryName,
    Description,
    Grams,
    Name,
    Options,
    Position,
    Price,
    Reference,
    Sku,
    Slug,
    Source,
    Tags,
)
from .shapes import ProductStatus


class CategoryInput(Struct, forbid_unknown_fields=True):
    """A category as it is to be; what is left out has its default."""

    name: CategoryName
    slug: Annotated[
        Slug | UnsetType,
        Meta(description="Made from the name where absent; on a change the present one stays.", examples=["chairs"]),
    ] = UNSET
    description: CategoryDescription = ""
    position: Position = 0
    parent_id: Annotated[UUID | None, Meta(description="Null makes it a root of the tree.")] = None


class ProductInput(Struct, forbid_unknown_fields=True):
    """A product as it is to be; what is left out has its default. Variants have their own paths."""

    name: Name
    slug: Annotated[
        Slug | UnsetType, Meta(description="Made from the name where absent; on a change the present one stays.")
    ] = UNSET
    description: Description = ""
    status: ProductStatus = ProductStatus.DRAFT
    attributes: Attributes = {}
    tags: Tags = []
    category_id: Annotated[UUID | None, Meta(description="The main category.")] = None
    category_ids: Annotated[
        Annotated[list[UUID], Meta(max_length=100)] | UnsetType,
        Meta(description="All categories; the main one is added."),
    ] = UNSET
    external_reference: Reference | None = None
    source: Source = None


class VariantInput(Struct, forbid_unknown_fields=True):
    """A variant as it is to be; what is left out has its default."""

    sku: Sku
    price: Price
    name: Annotated[
        Annotated[SingleLineText, Meta(max_length=200)] | UnsetType,
        Meta(description="Made from the options where absent.", examples=["M / red"]),
    ] = UNSET
    options: Options = {}
    compare_at_price: Annotated[
        Money | None, Meta(description="The price before a reduction.", examples=[{"amount": 17900, "currency": "EUR"}])
    ] = None
    weight_grams: Grams | None = None
    barcode: Barcode | None = None
    attributes: Attributes = {}
    tax_class: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,40}" + END_OF_TEXT, examples=["standard"])] = "standard"
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
    input: Annotated[dict[str, Any] | UnsetType, deferred(ProductCreate)] = UNSET
    patch: Annotated[dict[str, Any] | UnsetType, deferred(merge_patch_type(ProductInput))] = UNSET
    expected_version: int | UnsetType = UNSET


BATCH = [
    {
        "op": "create",
        "input": {
            "name": "Oak chair",
            "status": "active",
            "variants": [{"sku": "CHAIR-OAK-01", "price": {"amount": 14900, "currency": "EUR"}}],
        },
    },
    {"op": "upsert", "input": {"name": "Ash table", "external_reference": "ERP-10483"}},
    {
        "op": "update",
        "id": "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02",
        "patch": {"status": "archived"},
        "expected_version": 3,
    },
    {"op": "delete", "id": "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2f02"},
]


class ProductBatch(Struct, forbid_unknown_fields=True):
    """Up to 100 changes in one transaction, each in a savepoint of its own."""

    items: Annotated[list[ProductBatchItem], Meta(min_length=1, max_length=100, examples=[BATCH])]
