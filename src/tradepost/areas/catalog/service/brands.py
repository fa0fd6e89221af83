"""Reads and changes of brands."""

from collections.abc import Awaitable

from sqlalchemy import func, select

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.row_writes import change_row, create_row, delete_row
from tradepost.kit.operations.service import ExpectedVersion, Service, column_values
from tradepost.kit.problems import AlreadyExists, Conflict
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch

from .. import policy
from ..models import BrandRow, ProductRow
from ..resource import brands
from ..schemas import Brand, BrandInput


class Brands(Service):
    """Reads and changes brands."""

    @operation("brand_list", "list", brands, access=policy.browse, public=True)
    def list(self, list_query: ListQuery, selection: Selection[Brand]) -> Awaitable[Page[Brand]]:
        """List brands, sorted by name."""
        return self.page(brands, selection, list_query)

    @operation("brand_get", "get", brands, access=policy.browse, public=True)
    def get(self, key: str, selection: Selection[Brand]) -> Awaitable[Record[Brand]]:
        """Get a brand by its id or slug."""
        return self.one(brands, selection, key)

    @operation("brand_create", "create", brands, access=policy.edit, input=BrandInput, problems=(AlreadyExists,))
    async def create(self, new: BrandInput, selection: Selection[Brand]) -> Record[Brand]:
        """Create a brand."""
        id = await create_row(self, brands, column_values(brands, new))
        return await self.read_back(brands, selection, id)

    @operation("brand_replace", "replace", brands, access=policy.edit, input=BrandInput, problems=(AlreadyExists,))
    async def replace(
        self, key: str, new: BrandInput, expected: ExpectedVersion, selection: Selection[Brand]
    ) -> Record[Brand]:
        """Replace a brand. Omitted fields get their defaults, except `slug`, which is kept."""
        row = await self.lock_for_update(BrandRow, brands, key, expected)
        await change_row(self, brands, row, column_values(brands, new))
        return await self.read_back(brands, selection, row.id)

    @operation("brand_update", "update", brands, access=policy.edit, input=BrandInput, problems=(AlreadyExists,))
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[Brand]
    ) -> Record[Brand]:
        """Update a brand. Only the given fields are changed."""
        row = await self.lock_for_update(BrandRow, brands, key, expected)
        new = await self.apply_patch(brands, key, patch, BrandInput)
        await change_row(self, brands, row, column_values(brands, new))
        return await self.read_back(brands, selection, row.id)

    @operation("brand_delete", "delete", brands, access=policy.edit)
    async def delete(self, key: str, expected: ExpectedVersion, selection: Selection[Brand]) -> Record[Brand]:
        """Delete a brand. Fails with a conflict if it still has products."""
        row = await self.lock_for_update(BrandRow, brands, key, expected)
        if products := await self.session.scalar(select(func.count()).where(ProductRow.brand_id == row.id)):
            raise Conflict(f"The brand has {products} products; move or delete them first.")
        return await delete_row(self, brands, row, selection)
