"""What stands behind the shapes of the catalogue. Later rooms add to it: reviews, stock."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Boolean, ColumnElement, Float, Text, case, cast, func, literal_column, select

from tradepost.kit.auth.access import Viewer
from tradepost.kit.db.column_types import Id
from tradepost.kit.resource.filters import Filter, Sort, equal, ranged, searched
from tradepost.kit.resource.resource import Resource, Through
from tradepost.kit.schema.money import Amount

from . import policy
from .models import (
    CategoryRow,
    MediaRow,
    ProductCategoryRow,
    ProductRow,
    ProductSearchRow,
    ProductTagRow,
    TagRow,
    VariantRow,
)
from .schemas import Category, Media, MediaStatus, Product, ProductStatus, TagCount, Variant

type Bind = Callable[..., BindParameter[Any]]

# Products without a price come last, both ways. The number is 2^53: amounts stay below it.
PRICE_DOWN = func.coalesce(ProductRow.price_from_amount, literal_column("-1"))
PRICE = func.coalesce(ProductRow.price_from_amount, literal_column("9007199254740992"))
# Two decimals by integer arithmetic, because `round()` halves differently on the two databases.
RATING = cast((ProductRow.rating_sum * 200 + ProductRow.rating_count) // (ProductRow.rating_count * 2), Float) / 100


def in_category(bind: Bind) -> ColumnElement[bool]:
    """Products of the category with this slug and of those below it."""
    top, inner = CategoryRow.__table__.alias("top"), CategoryRow.__table__.alias("within")
    found = select(ProductCategoryRow.product_id).join(inner, inner.c.id == ProductCategoryRow.category_id)
    return ProductRow.id.in_(found.join(top, inner.c.path.like(top.c.path.concat("%"))).where(top.c.slug == bind(Text)))


def tagged(bind: Bind) -> ColumnElement[bool]:
    """Products that have this tag."""
    return ProductRow.id.in_(
        select(ProductTagRow.product_id)
        .join(TagRow, TagRow.id == ProductTagRow.tag_id)
        .where(TagRow.slug == bind(Text))
    )


def product_count(viewer: Viewer) -> ColumnElement[int]:
    """How many visible products have a tag."""
    held = select(func.count()).select_from(ProductTagRow).where(ProductTagRow.tag_id == TagRow.id)
    return (
        held
        if viewer.may("catalog:write")
        else held.join(ProductRow, ProductRow.id == ProductTagRow.product_id).where(policy.products(viewer))
    ).scalar_subquery()


categories = Resource(
    Category, CategoryRow, visible=policy.everyone, names=("id", "slug"), order=("position", "name"),
    filters={
        "slug": equal(CategoryRow.slug, bounded=True),
        "parent_id": Filter(type=UUID, where=lambda bind: CategoryRow.parent_id == bind(Id), doc="Children of this category.", convert=str),
        "root": Filter(type=bool, where=lambda bind: CategoryRow.parent_id.is_(None) == bind(Boolean), doc="Only roots of the tree, or only others."),
    },
    sorts={"position": Sort(by=CategoryRow.position), "name": Sort(by=CategoryRow.name), "created_at": Sort(by=CategoryRow.created_at)},
    actions={"category_replace": policy.editors, "category_update": policy.editors, "category_delete": policy.editors},
)  # fmt: skip

products = Resource(
    Product, ProductRow, visible=policy.products, names=("id", "slug"),
    filters={
        "status": equal(ProductRow.status, ProductStatus, doc="Others than active ones are seen only by those who edit the catalogue."),
        "slug": equal(ProductRow.slug, bounded=True),
        "external_reference": equal(ProductRow.external_reference, bounded=True),
        "category": Filter(type=str, where=in_category, doc="Slug of a category; its descendants are included."),
        "tag": Filter(type=str, where=tagged, doc="A tag's slug."),
        **ranged("price", ProductRow.price_from_amount, Amount),
        **ranged("created_at", ProductRow.created_at, datetime),
        **ranged("updated_at", ProductRow.updated_at, datetime),
        "q": searched(
            lambda bind: ProductRow.id.in_(ProductSearchRow.matching(bind)), doc="Words, each of which must begin a word in name, SKU, tags or description."
        ),
    },
    sorts={
        "created_at": Sort(by=ProductRow.created_at), "updated_at": Sort(by=ProductRow.updated_at), "name": Sort(by=ProductRow.name),
        "price": Sort(by=PRICE, down=PRICE_DOWN),
        "relevance": Sort(by=lambda bind: case((ProductRow.id.in_(ProductSearchRow.matching(bind, "name")), 1), else_=2), needs="q", then=("-created_at",)),
    },
    columns={"rating_average": case((ProductRow.rating_count > 0, RATING))},
    fields={"source": policy.edit},
    actions={"product_replace": policy.editors, "product_update": policy.editors, "product_delete": policy.editors},
)  # fmt: skip

variants = Resource(
    Variant, VariantRow, visible=policy.variants, order=("position",),
    filters={"sku": equal(VariantRow.sku, bounded=True), "barcode": equal(VariantRow.barcode)},
    sorts={
        "position": Sort(by=VariantRow.position), "sku": Sort(by=VariantRow.sku),
        "price": Sort(by=VariantRow.price_amount), "created_at": Sort(by=VariantRow.created_at),
    },
    fields={"source": policy.edit, "imported_quantity": policy.count_stock},
    actions={"variant_replace": policy.editors, "variant_update": policy.editors, "variant_delete": policy.editors},
)  # fmt: skip

media = Resource(
    Media, MediaRow, visible=policy.media, order=("position",),
    filters={"status": equal(MediaRow.status, MediaStatus)},
    sorts={"position": Sort(by=MediaRow.position), "created_at": Sort(by=MediaRow.created_at)},
)  # fmt: skip

tags = Resource(
    TagCount, TagRow, name="Tag", visible=policy.tags, names=("id", "slug"), order=("slug",),
    filters={"slug": equal(TagRow.slug, bounded=True)}, sorts={"slug": Sort(by=TagRow.slug)}, columns={"product_count": product_count},
)  # fmt: skip

categories.has_one("parent", categories, by=CategoryRow.parent_id)
categories.has_many("children", categories, by=CategoryRow.parent_id, paged=True)
categories.has_many(
    "products",
    products,
    paged=True,
    doc="Those put into this very category.",
    by=Through(
        ProductCategoryRow.category_id,
        ProductCategoryRow.product_id,
        {"created_at": ProductCategoryRow.product_created_at},
    ),
)
products.has_one("category", categories, by=ProductRow.category_id, doc="The main category.")
products.has_many("categories", categories, by=Through(ProductCategoryRow.product_id, ProductCategoryRow.category_id))
products.has_many("variants", variants, by=VariantRow.product_id)
products.has_many("media", media, by=MediaRow.product_id, doc="Its pictures.")
variants.has_one("product", products, by=VariantRow.product_id)
media.has_one("product", products, by=MediaRow.product_id)
tags.has_many("products", products, by=Through(ProductTagRow.tag_id, ProductTagRow.product_id), paged=True)
