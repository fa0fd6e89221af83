"""Request bodies of the catalogue."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from tradepost.kit.schema.merge_patch_type import merge_patch_type
from tradepost.kit.schema.money import Money
from tradepost.kit.schema.validation import RowId, SingleLineText, deferred

from .members import (
    PRICE_LIMIT,
    Attributes,
    Barcode,
    BrandDescription,
    BrandName,
    CategoryDescription,
    CategoryName,
    Description,
    Grams,
    LowStockThreshold,
    Name,
    Options,
    Position,
    PriceInput,
    Reference,
    RequiresShipping,
    Sku,
    Slug,
    Source,
    Tags,
    TaxClass,
    WithdrawalExcluded,
)
from .shapes import ProductStatus


class CategoryInput(Struct, forbid_unknown_fields=True):
    """Input for a category. Fields that are omitted or null get their defaults."""

    name: CategoryName
    slug: Annotated[
        Slug | UnsetType,
        Meta(
            description="If omitted, generated from the name; an existing category keeps its slug.",
            examples=["chairs"],
        ),
    ] = UNSET
    description: CategoryDescription = ""
    position: Position = 0
    parent_id: Annotated[UUID | None, Meta(description="The parent category; null for a root category.")] = None


class BrandInput(Struct, forbid_unknown_fields=True):
    """Input for a brand. Fields that are omitted or null get their defaults."""

    name: BrandName
    slug: Annotated[
        Slug | UnsetType,
        Meta(
            description="If omitted, generated from the name; an existing brand keeps its slug.",
            examples=["kjeld-son"],
        ),
    ] = UNSET
    description: BrandDescription = ""


class ProductInput(Struct, forbid_unknown_fields=True):
    """Input for a product without its variants.

    Fields that are omitted or null get their defaults.
    """

    name: Name
    slug: Annotated[
        Slug | UnsetType,
        Meta(description="If omitted, generated from the name; an existing product keeps its slug."),
    ] = UNSET
    description: Description = ""
    status: ProductStatus = ProductStatus.DRAFT
    attributes: Attributes = {}
    tags: Tags = []
    category_id: Annotated[UUID | None, Meta(description="The main category.")] = None
    category_ids: Annotated[
        Annotated[list[UUID], Meta(max_length=100)] | UnsetType,
        Meta(description="All categories of the product. The main category is always included."),
    ] = UNSET
    brand_id: UUID | None = None
    external_reference: Reference | None = None
    source: Source = None


class VariantInput(Struct, forbid_unknown_fields=True):
    """Input for a variant. Fields that are omitted or null get their defaults."""

    sku: Sku
    price: PriceInput
    name: Annotated[
        Annotated[SingleLineText, Meta(max_length=200)] | UnsetType,
        Meta(description="If omitted, generated from the options.", examples=["M / red"]),
    ] = UNSET
    options: Options = {}
    compare_at_price: Annotated[
        Money | None,
        Meta(
            description=f"The former price, if this one is reduced. {PRICE_LIMIT}",
            examples=[{"amount": 17900, "currency": "EUR"}],
        ),
    ] = None
    weight_grams: Grams | None = None
    barcode: Barcode | None = None
    attributes: Attributes = {}
    tax_class: TaxClass = "standard"
    track_inventory: bool = True
    allow_backorder: bool = False
    low_stock_threshold: LowStockThreshold = None
    requires_shipping: RequiresShipping = True
    withdrawal_excluded: WithdrawalExcluded = False
    position: Annotated[Position | UnsetType, Meta(description="If omitted, a new variant becomes the last one.")] = (
        UNSET
    )
    external_reference: Reference | None = None
    source: Source = None


class ProductCreate(ProductInput, forbid_unknown_fields=True):
    """Input for a product, optionally with its variants. All are written in one transaction.

    In a new product, fields that are omitted or null get their defaults. An `upsert` of an existing
    one changes only the given fields.
    """

    variants: Annotated[list[VariantInput], Meta(max_length=100)] = []


class BatchVerb(StrEnum):
    """The action of a batch item.

    `upsert` looks up the product by `external_reference`, then by `slug`, and its variants by
    `sku`, and creates or updates them. An existing product or variant keeps the values of omitted
    fields; variants that are not listed stay. If nothing differs, `changed` is false.
    """

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"


class ProductBatchItem(Struct, forbid_unknown_fields=True):
    """One change in a batch.

    `create` and `upsert` take `input`, `update` takes `id` and `patch`, `delete` takes `id`.
    """

    op: BatchVerb
    id: RowId | UnsetType = UNSET
    input: Annotated[dict[str, Any] | UnsetType, deferred(ProductCreate)] = UNSET
    patch: Annotated[dict[str, Any] | UnsetType, deferred(merge_patch_type(ProductInput))] = UNSET
    expected_version: int | UnsetType = UNSET


BATCH_EXAMPLE = [
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
    """Up to 100 changes to products, made in one transaction."""

    items: Annotated[list[ProductBatchItem], Meta(min_length=1, max_length=100, examples=[BATCH_EXAMPLE])]
