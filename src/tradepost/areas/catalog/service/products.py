"""Reads and changes of products."""

from collections.abc import Awaitable, Collection, Sequence
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType
from sqlalchemy import delete, select

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.row_writes import check_values, delete_row, insert_row, visible_ids
from tradepost.kit.operations.service import ExpectedVersion, Service, apply_changes, column_values
from tradepost.kit.problems import AlreadyExists, Conflict, CurrencyNotSold, Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch

from .. import policy
from ..models import ProductCategoryRow, ProductRow
from ..resource import brands, categories, products, tags
from ..schemas import Product, ProductCreate, ProductInput
from .events import product_created, product_updated, variants_deleted_with_product
from .search_document import SEARCHED_MEMBERS, document_of, index, price_from_values, refresh_from_variants
from .tags import Tags
from .variants import VariantService, lock_variants

# Input fields that are not columns of the table `product`.
NON_COLUMNS = ("category_ids", "variants", "brand", "categories", "media")
MAX_CATEGORIES = 100


class Products(Service):
    """Reads and changes products."""

    @operation("product_list", "list", products, access=policy.browse, public=True)
    def list(self, list_query: ListQuery, selection: Selection[Product]) -> Awaitable[Page[Product]]:
        """List products, newest first."""
        return self.page(products, selection, list_query)

    @operation("product_get", "get", products, access=policy.browse, public=True)
    def get(self, key: str, selection: Selection[Product]) -> Awaitable[Record[Product]]:
        """Get a product by its id or slug."""
        return self.one(products, selection, key)

    @operation(
        "category_products",
        "list",
        products,
        access=policy.browse,
        parent_relation=(categories, "products"),
        public=True,
    )
    def list_in_category(
        self, key: str, list_query: ListQuery, selection: Selection[Product]
    ) -> Awaitable[Page[Product]]:
        """List the products assigned to a category.

        Products of its descendants are not included; the `category` filter of the list of all
        products includes them.
        """
        return self.related(categories, key, "products", list_query, selection)

    @operation(
        "brand_products", "list", products, access=policy.browse, parent_relation=(brands, "products"), public=True
    )
    def list_of_brand(self, key: str, list_query: ListQuery, selection: Selection[Product]) -> Awaitable[Page[Product]]:
        """List the products of a brand."""
        return self.related(brands, key, "products", list_query, selection)

    @operation("tag_products", "list", products, access=policy.browse, parent_relation=(tags, "products"), public=True)
    def list_with_tag(self, key: str, list_query: ListQuery, selection: Selection[Product]) -> Awaitable[Page[Product]]:
        """List the products with a tag."""
        return self.related(tags, key, "products", list_query, selection)

    @operation(
        "product_create",
        "create",
        products,
        access=policy.edit,
        input=ProductCreate,
        problems=(AlreadyExists, Conflict, CurrencyNotSold),
    )
    async def create(self, new: ProductCreate, selection: Selection[Product]) -> Record[Product]:
        """Create a product, optionally with its variants."""
        return await self.read_back(products, selection, await self.add(new))

    @operation(
        "product_replace", "replace", products, access=policy.edit, input=ProductInput, problems=(AlreadyExists,)
    )
    async def replace(
        self, key: str, new: ProductInput, expected: ExpectedVersion, selection: Selection[Product]
    ) -> Record[Product]:
        """Replace a product.

        Omitted fields get their defaults, except `slug`, which is kept. Variants are not changed.
        """
        row = await self.lock_for_update(ProductRow, products, key, expected)
        await self.change(row, new, [] if new.category_ids is UNSET else new.category_ids)
        return await self.read_back(products, selection, row.id)

    @operation("product_update", "update", products, access=policy.edit, input=ProductInput, problems=(AlreadyExists,))
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[Product]
    ) -> Record[Product]:
        """Update a product. Only the given fields are changed."""
        row = await self.lock_for_update(ProductRow, products, key, expected)
        new = await self.apply_patch(products, key, patch, ProductInput)
        await self.change(row, new, new.category_ids)
        return await self.read_back(products, selection, row.id)

    @operation("product_delete", "delete", products, access=policy.edit)
    async def delete(self, key: str, expected: ExpectedVersion, selection: Selection[Product]) -> Record[Product]:
        """Delete a product with its variants and images."""
        row = await self.lock_for_update(ProductRow, products, key, expected)
        variant_ids = await lock_variants(self, row.id)
        variants_deleted_with_product(self.context, row.id, variant_ids)
        return await delete_row(self, products, row, selection, variants=variant_ids)

    async def add(self, new: ProductCreate) -> str:
        """Insert a product with everything that belongs to it; return its id."""
        # `price_from` is part of the INSERT, so that a new product is at version 1.
        values = product_values(new) | price_from_values([(v.price.amount, v.price.currency) for v in new.variants])
        id = await insert_row(self, products, values)
        await self.set_categories(
            id, values["category_id"], [] if new.category_ids is UNSET else new.category_ids, current=set()
        )
        await Tags(self.context).add_tags({id: values["tags"]})
        variant_ids = await VariantService(self.context).add(id, new.variants, "/variants", product_is_new=True)
        await index(self, id, document_of(new.name, [v.sku for v in new.variants], values["tags"], new.description))
        product_created(self.context, id, variant_ids)
        return id

    async def change(self, row: ProductRow, new: ProductInput, category_ids: Sequence[UUID] | UnsetType) -> bool:
        """Apply an input to a locked product; return whether anything changed.

        If `category_ids` is unset, the product keeps its categories; the main one is added.
        """
        values = product_values(new)
        await check_values(self, products, values, row)
        main_changes = values["category_id"] != row.category_id
        # Before the row is changed, so that all changes of the row are one UPDATE, which
        # increments the version once.
        categories_changed = (main_changes or category_ids is not UNSET) and await self.set_categories(
            row.id, values["category_id"], category_ids
        )
        changed = apply_changes(row, values)
        if categories_changed:
            changed.append("categories")
            row.updated_at = self.context.clock()
        if changed:
            product_updated(self.context, row.id, changed)
            if not SEARCHED_MEMBERS.isdisjoint(changed):
                await refresh_from_variants(self, row)
            if "tags" in changed:
                await Tags(self.context).set_tags({row.id: row.tags})
        return bool(changed)

    async def set_categories(
        self, id: str, main: str | None, category_ids: Sequence[UUID] | UnsetType, current: set[str] | None = None
    ) -> bool:
        """Set the categories of a product, the main one included; return whether they changed.

        `current` are the categories that it has; if None, they are read.
        """
        if current is None:
            current = await self._category_ids(id)
        target = current if isinstance(category_ids, UnsetType) else {str(i) for i in category_ids}
        target = target | ({main} if main else set[str]())
        check_category_count(target)
        added, removed = target - current, current - target
        if added and (unknown := sorted(added - await visible_ids(self, categories, added))):
            raise categories.reference_not_found("/category_ids", unknown[0])
        if removed:
            await self.session.execute(
                delete(ProductCategoryRow).where(
                    ProductCategoryRow.product_id == id, ProductCategoryRow.category_id.in_(removed)
                )
            )
        if added:
            await self.insert(ProductCategoryRow, *[{"product_id": id, "category_id": i} for i in sorted(added)])
        return bool(added or removed)

    async def _category_ids(self, id: str) -> set[str]:
        query = select(ProductCategoryRow.category_id).where(ProductCategoryRow.product_id == id)
        return set(await self.session.scalars(query))


def product_values(new: ProductInput) -> dict[str, Any]:
    """Return the column values of an input, with duplicate tags removed."""
    return column_values(products, new, *NON_COLUMNS) | {"tags": [*dict.fromkeys(new.tags)]}


def check_category_count(categories: Collection[str]) -> None:
    """Raise Validation if a product would have too many categories."""
    if len(categories) > MAX_CATEGORIES:
        raise Validation.at_pointer(
            "/category_ids",
            f"A product can have at most {MAX_CATEGORIES} categories, including the main one.",
            "too_many",
        )
