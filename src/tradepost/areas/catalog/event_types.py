"""The events of the catalogue."""

from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from tradepost.kit.writes.event_types import EventType, row_event_types

from . import policy
from .resource import brands, categories, products, variants


class VariantsOfProduct(Struct, forbid_unknown_fields=True):
    """The ids of the product's variants, which were created or deleted with it."""

    variants: list[UUID]


class ChangedVariants(Struct, forbid_unknown_fields=True):
    """The ids of variants that were created and updated with their product."""

    created: list[UUID]
    updated: list[UUID]


class ChangedProduct(Struct, forbid_unknown_fields=True):
    """The names of the members that changed, and the variants that were written with it."""

    changed: list[str]
    variants: ChangedVariants | UnsetType = UNSET


class VariantData(Struct, forbid_unknown_fields=True):
    """The product of the variant."""

    product_id: UUID


class ChangedVariant(Struct, forbid_unknown_fields=True):
    """The product of the variant, and the names of the members that changed."""

    product_id: UUID
    changed: list[str]


class ImportedQuantity(Struct, forbid_unknown_fields=True):
    """The stock of a variant in a file, and whether it replaces stock that the variant has."""

    quantity: int
    replaces_stock: bool


BROWSE, EDIT = policy.browse, policy.edit

EVENT_TYPES = [
    *row_event_types(categories, BROWSE),
    *row_event_types(brands, BROWSE),
    EventType("product.created", products, "A product was created with its variants.", VariantsOfProduct, BROWSE),
    EventType(
        "product.updated",
        products,
        "A product was changed, or an upsert or import wrote its variants.",
        ChangedProduct,
        BROWSE,
    ),
    EventType("product.deleted", products, "A product was deleted with its variants.", VariantsOfProduct, EDIT),
    EventType("variant.created", variants, "A variant was added to a product.", VariantData, BROWSE),
    EventType("variant.updated", variants, "A variant was changed.", ChangedVariant, BROWSE),
    EventType(
        "variant.quantity_imported",
        variants,
        "A file had the stock of a variant.",
        ImportedQuantity,
        EDIT,
        is_stored=False,
    ),
    EventType("variant.deleted", variants, "A variant was deleted, but not its product.", VariantData, EDIT),
]
