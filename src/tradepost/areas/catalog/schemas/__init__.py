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
from .members import MAX_PRICE, PRICE_LIMIT, SLUG_PATTERN, BrandName, Options, PriceInput, Sku, Slug, TaxClass
from .shapes import Brand, Category, Media, MediaStatus, Product, ProductStatus, TagCount, Variant

__all__ = [
    "MAX_PRICE",
    "PRICE_LIMIT",
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
    "PriceInput",
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
