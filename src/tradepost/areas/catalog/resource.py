"""Resources of the catalogue: rows, filters, sorts and relations. Later areas extend them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Boolean, ColumnElement, Float, Text, case, cast, func, literal_column, select

from tradepost.kit.auth.access import Viewer
from tradepost.kit.db.column_types import Id
from tradepost.kit.resource.filters import Filter, Sort, equality_filter, range_filters, search_filter
from tradepost.kit.resource.resource import LinkTable, Resource
from tradepost.kit.schema.money import Amount

from . import policy
from .models import (
    BrandRow,
    CategoryRow,
    MediaRow,
    ProductCategoryRow,
    ProductRow,
    ProductSearchRow,
    ProductTagRow,
    TagRow,
    VariantRow,
)
from .schemas import Brand, Category, Media, MediaStatus, Product, ProductStatus, TagCount, Variant

type Bind = Callable[..., BindParameter[Any]]

# Products without a price come last in both directions. 9007199254740992 is 2^53, which is above
# every amount. The indexes in `models.py` use the same expressions.
PRICE_ASC = func.coalesce(ProductRow.price_from_amount, literal_column("9007199254740992"))
PRICE_DESC = func.coalesce(ProductRow.price_from_amount, literal_column("-1"))
# Rounded to two decimals in integer arithmetic: the `round()` of SQLite and PostgreSQL treat halves
# differently.
AVERAGE_RATING = (
    cast((ProductRow.rating_sum * 200 + ProductRow.rating_count) // (ProductRow.rating_count * 2), Float) / 100
)


def in_category(bind: Bind) -> ColumnElement[bool]:
    """Products of the category with this slug and of its descendants."""
    ancestor, category = CategoryRow.__table__.alias("ancestor"), CategoryRow.__table__.alias("descendant")
    return ProductRow.id.in_(
        select(ProductCategoryRow.product_id)
        .join(category, category.c.id == ProductCategoryRow.category_id)
        .join(ancestor, category.c.path.like(ancestor.c.path.concat("%")))
        .where(ancestor.c.slug == bind(Text))
    )


def of_brand(bind: Bind) -> ColumnElement[bool]:
    """Products of the brand with this slug."""
    return ProductRow.brand_id == select(BrandRow.id).where(BrandRow.slug == bind(Text)).scalar_subquery()


def with_tag(bind: Bind) -> ColumnElement[bool]:
    """Products with this tag."""
    return ProductRow.id.in_(
        select(ProductTagRow.product_id)
        .join(TagRow, TagRow.id == ProductTagRow.tag_id)
        .where(TagRow.slug == bind(Text))
    )


def product_count(viewer: Viewer) -> ColumnElement[int]:
    """Number of visible products with a tag."""
    count = select(func.count()).select_from(ProductTagRow).where(ProductTagRow.tag_id == TagRow.id)
    return (
        count
        if viewer.has_permission("catalog:write")
        else count.join(ProductRow, ProductRow.id == ProductTagRow.product_id).where(policy.products(viewer))
    ).scalar_subquery()


categories = Resource(
    Category,
    CategoryRow,
    visible=policy.everyone,
    slug="name",
    order=("position", "name"),
    filters={
        "parent_id": Filter(
            type=UUID,
            where=lambda bind: CategoryRow.parent_id == bind(Id),
            doc="Only the children of this category.",
            convert=str,
        ),
        "root": Filter(
            type=bool,
            where=lambda bind: CategoryRow.parent_id.is_(None) == bind(Boolean),
            doc="`true`: only root categories. `false`: only categories with a parent.",
        ),
    },
    sorts={
        "position": Sort(expression=CategoryRow.position),
        "name": Sort(expression=CategoryRow.name),
        "created_at": Sort(expression=CategoryRow.created_at),
    },
    actions={"category_replace": policy.editors, "category_update": policy.editors, "category_delete": policy.editors},
)

brands = Resource(
    Brand,
    BrandRow,
    visible=policy.everyone,
    slug="name",
    order=("name",),
    sorts={"name": Sort(expression=BrandRow.name), "created_at": Sort(expression=BrandRow.created_at)},
    actions={"brand_replace": policy.editors, "brand_update": policy.editors, "brand_delete": policy.editors},
)

products = Resource(
    Product,
    ProductRow,
    visible=policy.products,
    slug="name",
    filters={
        "status": equality_filter(
            ProductRow.status,
            ProductStatus,
            doc="`draft` and `archived` products are only visible with `catalog:write`.",
        ),
        "external_reference": equality_filter(ProductRow.external_reference, bounded=True),
        "category": Filter(
            type=str, where=in_category, doc="Slug of a category. Products of its descendants are included."
        ),
        "brand": Filter(type=str, where=of_brand, doc="Slug of a brand."),
        "tag": Filter(type=str, where=with_tag, doc="Slug of a tag."),
        **range_filters("price", ProductRow.price_from_amount, Amount),
        **range_filters("created_at", ProductRow.created_at, datetime),
        **range_filters("updated_at", ProductRow.updated_at, datetime),
        "q": search_filter(
            lambda bind: ProductRow.id.in_(ProductSearchRow.select_matching_ids(bind)),
            doc="Search terms. Each must be the beginning of a word in the name, a SKU, a tag or the description.",
        ),
    },
    sorts={
        "created_at": Sort(expression=ProductRow.created_at),
        "updated_at": Sort(expression=ProductRow.updated_at),
        "name": Sort(expression=ProductRow.name),
        "price": Sort(expression=PRICE_ASC, descending_expression=PRICE_DESC),
        "relevance": Sort(
            expression=lambda bind: case(
                (ProductRow.id.in_(ProductSearchRow.select_matching_ids(bind, "name")), 1), else_=2
            ),
            required_filter="q",
            tie_breakers=("-created_at",),
        ),
    },
    expressions={"rating_average": case((ProductRow.rating_count > 0, AVERAGE_RATING))},
    field_access={"source": policy.edit},
    actions={"product_replace": policy.editors, "product_update": policy.editors, "product_delete": policy.editors},
)

variants = Resource(
    Variant,
    VariantRow,
    visible=policy.variants,
    filters={
        "sku": equality_filter(VariantRow.sku, bounded=True, doc="The SKU, case-sensitive."),
        "barcode": equality_filter(VariantRow.barcode, doc="The barcode. Several variants may have the same."),
    },
    sorts={
        "position": Sort(expression=VariantRow.position),
        "sku": Sort(expression=VariantRow.sku),
        "price": Sort(expression=VariantRow.price_amount),
        "created_at": Sort(expression=VariantRow.created_at),
    },
    field_access={
        "low_stock_threshold": policy.edit,
        "source": policy.edit,
        "imported_quantity": policy.read_stock,
    },
    actions={"variant_replace": policy.editors, "variant_update": policy.editors, "variant_delete": policy.editors},
)

media = Resource(
    Media,
    MediaRow,
    visible=policy.media,
    order=("position",),
    filters={"status": equality_filter(MediaRow.status, MediaStatus)},
    sorts={"position": Sort(expression=MediaRow.position), "created_at": Sort(expression=MediaRow.created_at)},
)

tags = Resource(
    TagCount,
    TagRow,
    name="Tag",
    visible=policy.tags,
    key_columns=("id", "slug"),
    order=("slug",),
    filters={"slug": equality_filter(TagRow.slug, bounded=True)},
    sorts={"slug": Sort(expression=TagRow.slug)},
    expressions={"product_count": product_count},
)

categories.has_one("parent", categories, join=CategoryRow.parent_id, back="children")
categories.has_many(
    "products",
    products,
    paged=True,
    doc="Products assigned to this category itself, not to its descendants.",
    join=LinkTable(
        ProductCategoryRow.category_id,
        ProductCategoryRow.product_id,
        {"created_at": ProductCategoryRow.product_created_at},
    ),
)
products.has_one("category", categories, join=ProductRow.category_id, settable=True, doc="The main category.")
products.has_one("brand", brands, join=ProductRow.brand_id, settable=True, back="products")
products.has_many(
    "categories", categories, join=LinkTable(ProductCategoryRow.product_id, ProductCategoryRow.category_id)
)
variants.has_one(
    "product",
    products,
    join=VariantRow.product_id,
    back="variants",
    back_paged=False,
    back_order=("position",),
)
media.has_one(
    "product",
    products,
    join=MediaRow.product_id,
    back="media",
    back_paged=False,
    back_doc="Images, in the order of their position.",
)
tags.has_many("products", products, join=LinkTable(ProductTagRow.tag_id, ProductTagRow.product_id), paged=True)
