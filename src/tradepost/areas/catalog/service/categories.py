"""The rules of the category tree."""

from collections.abc import Awaitable

from sqlalchemy import func, literal, select, update

from tradepost.kit.ids import new_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import ExpectedVersion, Service, apply_changes, column_values
from tradepost.kit.problems import AlreadyExists, Conflict, Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch

from .. import policy
from ..models import CategoryRow, ProductCategoryRow
from ..resource import categories
from ..schemas import Category, CategoryInput
from . import slugs


class Categories(Service):
    """Categories as seen and changed by one caller."""

    @operation("category_list", "list", categories, access=policy.browse, public=True)
    def list(self, window: ListQuery, want: Selection[Category]) -> Awaitable[Page[Category]]:
        """The categories of the shop, by their position."""
        return self.page(categories, want, window)

    @operation("category_get", "get", categories, access=policy.browse, public=True)
    def get(self, key: str, want: Selection[Category]) -> Awaitable[Record[Category]]:
        """One category by its id or its slug."""
        return self.one(categories, want, key)

    @operation(
        "category_children",
        "list",
        categories,
        access=policy.browse,
        parent_relation=(categories, "children"),
        public=True,
    )
    def children(self, key: str, window: ListQuery, want: Selection[Category]) -> Awaitable[Page[Category]]:
        """The categories right below one."""
        return self.related(categories, key, "children", window, want)

    @operation(
        "category_create", "create", categories, access=policy.edit, input=CategoryInput, problems=(AlreadyExists,)
    )
    async def create(self, new: CategoryInput, want: Selection[Category]) -> Record[Category]:
        """Adds a category to the tree."""
        values = column_values(categories, new, "slug")
        parent, id = await self.parent_of(values["parent_id"]), new_id(CategoryRow.__number__)
        slug = await slugs.choose(self, CategoryRow, new.slug, new.name)
        row = CategoryRow(**values, id=id, slug=slug, path=f"{parent.path if parent else ''}{id}/")
        self.session.add(row)
        self.context.emit("category.created", row.id)
        return await self.read_back(categories, want, row.id)

    @operation(
        "category_replace", "replace", categories, access=policy.edit, input=CategoryInput, problems=(AlreadyExists,)
    )
    async def replace(
        self, key: str, new: CategoryInput, expected: ExpectedVersion, want: Selection[Category]
    ) -> Record[Category]:
        """Sets all members of a category; what is left out has its default."""
        return await self.change(await self.lock_for_update(CategoryRow, categories, key, expected), new, want)

    @operation(
        "category_update", "update", categories, access=policy.edit, input=CategoryInput, problems=(AlreadyExists,)
    )
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, want: Selection[Category]
    ) -> Record[Category]:
        """Changes the given members of a category and leaves the others as they are."""
        row = await self.lock_for_update(CategoryRow, categories, key, expected)
        return await self.change(row, await self.apply_patch(categories, key, patch, CategoryInput), want)

    @operation("category_delete", "delete", categories, access=policy.edit)
    async def delete(self, key: str, expected: ExpectedVersion, want: Selection[Category]) -> Record[Category]:
        """Takes an empty category out of the tree; with categories or products in it, it stays (409)."""
        row = await self.lock_for_update(CategoryRow, categories, key, expected)
        gone = await self.one(categories, want, row.id)
        children = await self.session.scalar(select(func.count()).where(CategoryRow.parent_id == row.id))
        products = await self.session.scalar(select(func.count()).where(ProductCategoryRow.category_id == row.id))
        if children or products:
            raise Conflict(f"The category has {children} categories and {products} products in it; move them first.")
        await self.session.delete(row)
        self.context.emit("category.deleted", row.id)
        return gone

    async def change(self, row: CategoryRow, new: CategoryInput, want: Selection[Category]) -> Record[Category]:
        """Sets what differs; a new parent moves the whole subtree."""
        values = column_values(categories, new)
        slugs.check(str(values.get("slug", "")))
        if values["parent_id"] != row.parent_id:
            await self.move(row, values["parent_id"])
        if changed := apply_changes(row, values):
            self.context.emit("category.updated", row.id, changed=changed)
        return await self.read_back(categories, want, row.id)

    async def move(self, row: CategoryRow, parent_id: str | None) -> None:
        """Gives the subtree its new paths. All categories are locked meanwhile: two moves at once could make a circle."""
        await self.session.execute(select(CategoryRow.id).order_by(CategoryRow.id).with_for_update())
        await self.session.refresh(row, ["path"])
        parent = await self.parent_of(parent_id)
        if parent is not None and parent.path.startswith(row.path):
            raise Validation.at_pointer("/parent_id", "A category cannot stand below itself.", "not_allowed")
        path = f"{parent.path if parent else ''}{row.id}/"
        # Another path is no change of those below: they keep their times and versions.
        values = {
            "path": literal(path).concat(func.substr(CategoryRow.path, len(row.path) + 1)),
            "updated_at": CategoryRow.updated_at,
        }
        moved = update(CategoryRow).where(CategoryRow.path.like(f"{row.path}%")).values(values)
        await self.session.execute(moved, execution_options={"synchronize_session": False})

    async def parent_of(self, parent_id: str | None) -> CategoryRow | None:
        """The row of a parent, which nobody moves before this write ends; 422 where there is none."""
        if parent_id is None:
            return None
        found = await self.session.get(CategoryRow, parent_id, populate_existing=True, with_for_update={"read": True})
        if found is None:
            raise Validation.at_pointer("/parent_id", f"There is no category `{parent_id}`.", "not_found")
        return found
