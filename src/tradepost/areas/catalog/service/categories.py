"""Reads and changes of the category tree."""

from collections.abc import Awaitable

from sqlalchemy import func, literal, select, update

from tradepost.kit.ids import new_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.row_writes import change_row, create_row, delete_row
from tradepost.kit.operations.service import ExpectedVersion, Service, column_values
from tradepost.kit.problems import AlreadyExists, Conflict, Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch

from .. import policy
from ..models import CategoryRow, ProductCategoryRow
from ..resource import categories
from ..schemas import Category, CategoryInput


class Categories(Service):
    """Reads and changes categories."""

    @operation("category_list", "list", categories, access=policy.browse, public=True)
    def list(self, list_query: ListQuery, selection: Selection[Category]) -> Awaitable[Page[Category]]:
        """List categories, sorted by position."""
        return self.page(categories, selection, list_query)

    @operation("category_get", "get", categories, access=policy.browse, public=True)
    def get(self, key: str, selection: Selection[Category]) -> Awaitable[Record[Category]]:
        """Get a category by its id or slug."""
        return self.one(categories, selection, key)

    @operation(
        "category_children",
        "list",
        categories,
        access=policy.browse,
        parent_relation=(categories, "children"),
        public=True,
    )
    def children(self, key: str, list_query: ListQuery, selection: Selection[Category]) -> Awaitable[Page[Category]]:
        """List the direct children of a category."""
        return self.related(categories, key, "children", list_query, selection)

    @operation(
        "category_create", "create", categories, access=policy.edit, input=CategoryInput, problems=(AlreadyExists,)
    )
    async def create(self, new: CategoryInput, selection: Selection[Category]) -> Record[Category]:
        """Create a category."""
        values = column_values(categories, new)
        parent, id = await self.lock_parent(values["parent_id"]), new_id(CategoryRow.__number__)
        values |= {"id": id, "path": f"{parent.path if parent else ''}{id}/"}
        return await self.read_back(categories, selection, await create_row(self, categories, values))

    @operation(
        "category_replace", "replace", categories, access=policy.edit, input=CategoryInput, problems=(AlreadyExists,)
    )
    async def replace(
        self, key: str, new: CategoryInput, expected: ExpectedVersion, selection: Selection[Category]
    ) -> Record[Category]:
        """Replace a category. Omitted fields get their defaults, except `slug`, which is kept."""
        return await self.change(await self.lock_for_update(CategoryRow, categories, key, expected), new, selection)

    @operation(
        "category_update", "update", categories, access=policy.edit, input=CategoryInput, problems=(AlreadyExists,)
    )
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[Category]
    ) -> Record[Category]:
        """Update a category. Only the given fields are changed."""
        row = await self.lock_for_update(CategoryRow, categories, key, expected)
        return await self.change(row, await self.apply_patch(categories, key, patch, CategoryInput), selection)

    @operation("category_delete", "delete", categories, access=policy.edit)
    async def delete(self, key: str, expected: ExpectedVersion, selection: Selection[Category]) -> Record[Category]:
        """Delete a category. Fails with a conflict if it still has children or products."""
        row = await self.lock_for_update(CategoryRow, categories, key, expected)
        children = await self.session.scalar(select(func.count()).where(CategoryRow.parent_id == row.id))
        products = await self.session.scalar(select(func.count()).where(ProductCategoryRow.category_id == row.id))
        if children or products:
            raise Conflict(f"The category has {children} children and {products} products; move or delete them first.")
        return await delete_row(self, categories, row, selection)

    async def change(self, row: CategoryRow, new: CategoryInput, selection: Selection[Category]) -> Record[Category]:
        """Apply an input to a locked category. A new parent moves the whole subtree."""
        values = column_values(categories, new)
        if values["parent_id"] != row.parent_id:
            await self.move(row, values["parent_id"])
        await change_row(self, categories, row, values)
        return await self.read_back(categories, selection, row.id)

    async def move(self, row: CategoryRow, parent_id: str | None) -> None:
        """Rewrite the paths of a category and its descendants for a new parent.

        Locks all categories, because two concurrent moves could create a cycle.
        """
        await self.session.execute(select(CategoryRow.id).order_by(CategoryRow.id).with_for_update())
        await self.session.refresh(row, ["path"])
        parent = await self.lock_parent(parent_id)
        if parent is not None and parent.path.startswith(row.path):
            raise Validation.at_pointer("/parent_id", "A category cannot be moved below itself.", "not_allowed")
        path = f"{parent.path if parent else ''}{row.id}/"
        # The descendants keep their `updated_at` and `version`: a path is not visible in the APIs.
        values = {
            "path": literal(path).concat(func.substr(CategoryRow.path, len(row.path) + 1)),
            "updated_at": CategoryRow.updated_at,
        }
        statement = update(CategoryRow).where(CategoryRow.path.like(f"{row.path}%")).values(values)
        await self.session.execute(statement, execution_options={"synchronize_session": False})

    async def lock_parent(self, parent_id: str | None) -> CategoryRow | None:
        """Return the parent, share-locked so that it cannot be moved, or raise Validation."""
        if parent_id is None:
            return None
        parent = await self.session.get(CategoryRow, parent_id, populate_existing=True, with_for_update={"read": True})
        if parent is None:
            raise categories.reference_not_found("/parent_id", parent_id)
        return parent
