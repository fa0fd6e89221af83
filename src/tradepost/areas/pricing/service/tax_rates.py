"""Reads and changes of tax rates."""

from sqlalchemy import func, select

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.row_writes import change_row, create_row, delete_row
from tradepost.kit.operations.service import ExpectedVersion, Service, column_values
from tradepost.kit.problems import AlreadyExists, HasHistory
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.countries import country_faults
from tradepost.kit.schema.patch import Patch
from tradepost.kit.schema.validation import validation_problem

from .. import policy
from ..models import TaxRateRow
from ..resource import tax_rates
from ..schemas import TaxRate, TaxRateInput
from .used_rows import refuse_used


class TaxRates(Service):
    """Reads and changes tax rates."""

    @operation("tax_rate_list", "list", tax_rates, access=policy.edit)
    async def list(self, list_query: ListQuery, selection: Selection[TaxRate]) -> Page[TaxRate]:
        """List tax rates, sorted by country and tax class."""
        return await self.page(tax_rates, selection, list_query)

    @operation("tax_rate_get", "get", tax_rates, access=policy.edit)
    async def get(self, key: str, selection: Selection[TaxRate]) -> Record[TaxRate]:
        """Get a tax rate by its id."""
        return await self.one(tax_rates, selection, key)

    @operation(
        "tax_rate_create", "create", tax_rates, access=policy.edit, input=TaxRateInput, problems=(AlreadyExists,)
    )
    async def create(self, new: TaxRateInput, selection: Selection[TaxRate]) -> Record[TaxRate]:
        """Create a tax rate."""
        id = await create_row(self, tax_rates, await self._values(new))
        return await self.read_back(tax_rates, selection, id)

    @operation(
        "tax_rate_replace", "replace", tax_rates, access=policy.edit, input=TaxRateInput, problems=(AlreadyExists,)
    )
    async def replace(
        self, key: str, new: TaxRateInput, expected: ExpectedVersion, selection: Selection[TaxRate]
    ) -> Record[TaxRate]:
        """Replace a tax rate. Omitted fields get their defaults."""
        row = await self.lock_for_update(TaxRateRow, tax_rates, key, expected)
        await change_row(self, tax_rates, row, await self._values(new, row.id))
        return await self.read_back(tax_rates, selection, row.id)

    @operation(
        "tax_rate_update", "update", tax_rates, access=policy.edit, input=TaxRateInput, problems=(AlreadyExists,)
    )
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[TaxRate]
    ) -> Record[TaxRate]:
        """Update a tax rate. Only the given fields are changed."""
        row = await self.lock_for_update(TaxRateRow, tax_rates, key, expected)
        new = await self.apply_patch(tax_rates, key, patch, TaxRateInput)
        await change_row(self, tax_rates, row, await self._values(new, row.id))
        return await self.read_back(tax_rates, selection, row.id)

    @operation("tax_rate_delete", "delete", tax_rates, access=policy.edit, problems=(HasHistory,))
    async def delete(self, key: str, expected: ExpectedVersion, selection: Selection[TaxRate]) -> Record[TaxRate]:
        """Delete a tax rate that no order has used."""
        row = await self.lock_for_update(TaxRateRow, tax_rates, key, expected)
        refuse_used(row, "this tax rate")
        return await delete_row(self, tax_rates, row, selection)

    async def _values(self, new: TaxRateInput, id: str | None = None) -> dict[str, object]:
        """Return the column values. The country must exist and must not have the rate already."""
        if faults := country_faults(new.country, "/country"):
            raise validation_problem(faults)
        query = select(TaxRateRow.id).where(
            TaxRateRow.country == new.country,
            func.coalesce(TaxRateRow.region, "") == (new.region or ""),
            TaxRateRow.tax_class == new.tax_class,
        )
        if id is not None:
            query = query.where(TaxRateRow.id != id)
        if (other := await self.session.scalar(query)) is not None:
            place = f"{new.country}-{new.region}" if new.region else new.country
            raise AlreadyExists(
                f"There is a tax rate for `{new.tax_class}` in {place} already; change that one: `{other}`.",
                field="tax_class",
            )
        return column_values(tax_rates, new)
