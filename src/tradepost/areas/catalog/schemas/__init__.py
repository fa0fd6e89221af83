"""Wire types of the catalogue, the same in both APIs."""

from .inputs import BatchVerb, CategoryInput, ProductBatch, ProductBatchItem, ProductCreate, ProductInput, VariantInput
from .members import RESERVED_SLUGS, SLUG_PATTERN, Slug
from .shapes import Category, Media, MediaStatus, Product, ProductStatus, TagCount, Variant

__all__ = [
    "RESERVED_SLUGS",
    "SLUG_PATTERN",
    "BatchVerb",
    "Category",
    "CategoryInput",
    "Media",
    "MediaStatus",
    "Product",
    "ProductBatch",
    "ProductBatchItem",
    "ProductCreate",
    "ProductInput",
    "ProductStatus",
    "Slug",
    "TagCount",
    "Variant",
    "VariantInput",
]
