"""Wire types of the catalogue, the same in both APIs."""

from .inputs import (
    BatchVerb,
    BrandInput,
    CategoryInput,
    ProductBatch,
    ProductBatchItem,
    ProductCreate,
    ProductInput,
    VariantInput,
)
from .members import SLUG_PATTERN, BrandName, Options, Sku, Slug, TaxClass
from .shapes import Brand, Category, Media, MediaStatus, Product, ProductStatus, TagCount, Variant

__all__ = [
    "SLUG_PATTERN",
    "BatchVerb",
    "Brand",
    "BrandInput",
    "BrandName",
    "Category",
    "CategoryInput",
    "Media",
    "MediaStatus",
    "Options",
    "Product",
    "ProductBatch",
    "ProductBatchItem",
    "ProductCreate",
    "ProductInput",
    "ProductStatus",
    "Sku",
    "Slug",
    "TagCount",
    "TaxClass",
    "Variant",
    "VariantInput",
]
