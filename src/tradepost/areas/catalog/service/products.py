"""The rules of the products."""

from collections.abc import Awaitable, Collection, Sequence
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType
from sqlalchemy import delete, select

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import ExpectedVersion, Service, apply_changes, column_values
from tradepost.kit.problems import AlreadyExists, Conflict, Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch

from .. import policy
from ..models import CategoryRow, ProductCategoryRow, ProductRow
from ..resource import categories, products, tags
from ..schemas import Product, ProductCreate, ProductInput
from . import slugs
from .search_document import SEARCHED_MEMBERS, document_of, index, price_from_values, refresh_from_variants
from .tags import Tags
from .variants import VariantService

# Members that stand in tables of their own.
APART = ("category_ids", "variants", "categories", "media")
MAX_CATEGORIES = 100


class Products(Service):
    """Products as seen and changed by one caller."""

    @operation("product_list", "list", products, access=policy.browse, public=True)
    def list(self, window: ListQuery, want: Selection[Product]) -> Awaitable[Page[Product]]:
        """The products, newest first."""
        return self.page(products, want, window)

    @operation("product_get", "get", products, access=policy.browse, public=True)
    def get(self, key: str, want: Selection[Product]) -> Awaitable[Record[Product]]:
        """One product by its id or its slug."""
        return self.one(products, want, key)

    @operation(
        "category_products",
        "list",
        products,
        access=policy.browse,
        parent_relation=(categories, "products"),
        public=True,
    )
    def list_in_category(self, key: str, window: ListQuery, want: Selection[Product]) -> Awaitable[Page[Product]]:
        """The products put into this very category; `?category=` on all products includes those below it."""
        return self.related(categories, key, "products", window, want)

    @operation("tag_products", "list", products, access=policy.browse, parent_relation=(tags, "products"), public=True)
    def list_with_tag(self, key: str, window: ListQuery, want: Selection[Product]) -> Awaitable[Page[Product]]:
        """The products that have a tag."""
        return self.related(tags, key, "products", window, want)

    @operation(
        "product_create",
        "create",
        products,
        access=policy.edit,
        input=ProductCreate,
        problems=(AlreadyExists, Conflict),
    )
    async def create(self, new: ProductCreate, want: Selection[Product]) -> Record[Product]:
        """Adds a product, with its variants if they are given."""
        return await self.read_back(products, want, await self.make(new))

    @operation(
        "product_replace", "replace", products, access=policy.edit, input=ProductInput, problems=(AlreadyExists,)
    )
    async def replace(
        self, key: str, new: ProductInput, expected: ExpectedVersion, want: Selection[Product]
    ) -> Record[Product]:
        """Sets all members of a product; what is left out has its default. Its variants stay."""
        row = await self.lock_for_update(ProductRow, products, key, expected)
        await self.change(row, new, [] if new.category_ids is UNSET else new.category_ids)
        return await self.read_back(products, want, row.id)

    @operation("product_update", "update", products, access=policy.edit, input=ProductInput, problems=(AlreadyExists,))
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, want: Selection[Product]
    ) -> Record[Product]:
        """Changes the given members of a product and leaves the others as they are."""
        row = await self.lock_for_update(ProductRow, products, key, expected)
        new = await self.apply_patch(products, key, patch, ProductInput)
        await self.change(row, new, new.category_ids)
        return await self.read_back(products, want, row.id)

    @operation("product_delete", "delete", products, access=policy.edit)
    async def delete(self, key: str, expected: ExpectedVersion, want: Selection[Product]) -> Record[Product]:
        """Takes a product and its variants out of the catalogue."""
        row = await self.lock_for_update(ProductRow, products, key, expected)
        gone = await self.one(products, want, row.id)
        await self.session.delete(row)
        self.context.emit("product.deleted", row.id)
        return gone

    async def make(self, new: ProductCreate) -> str:
        """A new product with all that belongs to it; its id. Nothing of it is read back for a rule: what it is made of is known."""
        # The price is known before the INSERT, so that a new product is at version 1.
        values = product_values(new) | price_from_values([(v.price.amount, v.price.currency) for v in new.variants])
        values["slug"] = await slugs.choose(self, ProductRow, new.slug, new.name)
        await self.check_category(values["category_id"])
        [id] = await self.insert(ProductRow, values)
        self.context.emit("product.created", id)
        await self.set_categories(
            id, values["category_id"], [] if new.category_ids is UNSET else new.category_ids, present=set()
        )
        await Tags(self.context).add_tags({id: values["tags"]})
        await VariantService(self.context).add(id, new.variants, "/variants", product_is_new=True)
        await index(self, id, document_of(new.name, [v.sku for v in new.variants], values["tags"], new.description))
        return id

    async def change(self, row: ProductRow, new: ProductInput, category_ids: Sequence[UUID] | UnsetType) -> bool:
        """Sets what differs, and tells whether anything did. Categories that are not given stay, with the main one among them."""
        values = product_values(new)
        slugs.check(str(values.get("slug", "")))
        moves = values["category_id"] != row.category_id
        if moves:
            await self.check_category(values["category_id"])
        # The categories first: what follows is then one UPDATE, and one step of the version.
        moved = (moves or category_ids is not UNSET) and await self.set_categories(
            row.id, values["category_id"], category_ids
        )
        changed = apply_changes(row, values)
        if moved:
            changed.append("categories")
            row.updated_at = self.context.clock()
        if changed:
            self.context.emit("product.updated", row.id, changed=changed)
            if not SEARCHED_MEMBERS.isdisjoint(changed):
                await refresh_from_variants(self, row)
            if "tags" in changed:
                await Tags(self.context).set_tags({row.id: row.tags})
        return bool(changed)

    async def check_category(self, id: str | None) -> None:
        """422 where the main category is none."""
        if id is not None and await self.session.get(CategoryRow, id) is None:
            raise category_not_found("/category_id", id)

    async def set_categories(
        self, id: str, main: str | None, category_ids: Sequence[UUID] | UnsetType, present: set[str] | None = None
    ) -> bool:
        """Makes these, and the main one, the categories of a product; tells whether that changed anything. `present` are those it has, if known."""
        if present is None:
            present = set(
                (
                    await self.session.scalars(
                        select(ProductCategoryRow.category_id).where(ProductCategoryRow.product_id == id)
                    )
                ).all()
            )
        wanted: set[str] = (present if isinstance(category_ids, UnsetType) else {str(i) for i in category_ids}) | (
            {main} if main else set()
        )
        check_category_count(wanted)
        new = wanted - present
        known = (
            set((await self.session.scalars(select(CategoryRow.id).where(CategoryRow.id.in_(new)))).all())
            if new
            else set[str]()
        )
        if unknown := sorted(new - known):
            raise category_not_found("/category_ids", unknown[0])
        if gone := present - wanted:
            await self.session.execute(
                delete(ProductCategoryRow).where(
                    ProductCategoryRow.product_id == id, ProductCategoryRow.category_id.in_(gone)
                )
            )
        if new:
            await self.insert(ProductCategoryRow, *[{"product_id": id, "category_id": i} for i in sorted(new)])
        return bool(new or gone)


def product_values(new: ProductInput) -> dict[str, Any]:
    """The columns of an input; its tags each once, in the order given."""
    return column_values(products, new, *APART) | {"tags": [*dict.fromkeys(new.tags)]}


def check_category_count(categories: Collection[str]) -> None:
    """Refuses more categories than a product can stand in."""
    if len(categories) > MAX_CATEGORIES:
        raise Validation.at_pointer(
            "/category_ids",
            f"A product stands in at most {MAX_CATEGORIES} categories, the main one among them.",
            "too_many",
        )


def category_not_found(pointer: str, id: str) -> Validation:
    """The problem of a category that there is not."""
    return Validation.at_pointer(pointer, f"There is no category `{id}`.", "not_found")
