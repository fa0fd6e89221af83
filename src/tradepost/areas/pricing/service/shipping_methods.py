"""Reads and changes of shipping methods."""

from tradepost.areas.catalog.service import check_prices
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.row_writes import change_row, create_row, delete_row
from tradepost.kit.operations.service import ExpectedVersion, Service, column_values
from tradepost.kit.problems import AlreadyExists, CurrencyNotSold, Fault, HasHistory
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.countries import country_faults
from tradepost.kit.schema.patch import Patch
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import ShippingMethodRow
from ..resource import shipping_methods
from ..schemas import ShippingMethod, ShippingMethodInput
from .used_rows import refuse_used


class ShippingMethods(Service):
    """Reads and changes shipping methods."""

    @operation("shipping_method_list", "list", shipping_methods, access=policy.browse, public=True)
    async def list(self, list_query: ListQuery, selection: Selection[ShippingMethod]) -> Page[ShippingMethod]:
        """List shipping methods, sorted by position."""
        return await self.page(shipping_methods, selection, list_query)

    @operation("shipping_method_get", "get", shipping_methods, access=policy.browse, public=True)
    async def get(self, key: str, selection: Selection[ShippingMethod]) -> Record[ShippingMethod]:
        """Get a shipping method by its id."""
        return await self.one(shipping_methods, selection, key)

    @operation(
        "shipping_method_create",
        "create",
        shipping_methods,
        access=policy.edit,
        input=ShippingMethodInput,
        problems=(AlreadyExists, CurrencyNotSold),
    )
    async def create(self, new: ShippingMethodInput, selection: Selection[ShippingMethod]) -> Record[ShippingMethod]:
        """Create a shipping method."""
        id = await create_row(self, shipping_methods, _values(self.context, new))
        return await self.read_back(shipping_methods, selection, id)

    @operation(
        "shipping_method_replace",
        "replace",
        shipping_methods,
        access=policy.edit,
        input=ShippingMethodInput,
        problems=(AlreadyExists, CurrencyNotSold),
    )
    async def replace(
        self, key: str, new: ShippingMethodInput, expected: ExpectedVersion, selection: Selection[ShippingMethod]
    ) -> Record[ShippingMethod]:
        """Replace a shipping method. Omitted fields get their defaults."""
        row = await self.lock_for_update(ShippingMethodRow, shipping_methods, key, expected)
        await change_row(self, shipping_methods, row, _values(self.context, new))
        return await self.read_back(shipping_methods, selection, row.id)

    @operation(
        "shipping_method_update",
        "update",
        shipping_methods,
        access=policy.edit,
        input=ShippingMethodInput,
        problems=(AlreadyExists, CurrencyNotSold),
    )
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[ShippingMethod]
    ) -> Record[ShippingMethod]:
        """Update a shipping method. Only the given fields are changed."""
        row = await self.lock_for_update(ShippingMethodRow, shipping_methods, key, expected)
        new = await self.apply_patch(shipping_methods, key, patch, ShippingMethodInput)
        await change_row(self, shipping_methods, row, _values(self.context, new))
        return await self.read_back(shipping_methods, selection, row.id)

    @operation("shipping_method_delete", "delete", shipping_methods, access=policy.edit, problems=(HasHistory,))
    async def delete(
        self, key: str, expected: ExpectedVersion, selection: Selection[ShippingMethod]
    ) -> Record[ShippingMethod]:
        """Delete a shipping method that no order has used."""
        row = await self.lock_for_update(ShippingMethodRow, shipping_methods, key, expected)
        refuse_used(row, f"the shipping method `{row.code}`")
        return await delete_row(self, shipping_methods, row, selection)


def _values(context: CallContext, new: ShippingMethodInput) -> dict[str, object]:
    """Return the column values. Raise Validation if countries, weights or amounts are invalid."""
    faults = [
        fault for index, code in enumerate(new.countries) for fault in country_faults(code, f"/countries/{index}")
    ]
    if new.max_weight_grams is not None and new.max_weight_grams < new.min_weight_grams:
        detail = "`max_weight_grams` is less than `min_weight_grams`."
        faults.append(Fault(code="out_of_range", detail=detail, pointer="/max_weight_grams"))
    check_prices(context, {"/price": new.price, "/free_from": new.free_from}, faults)
    return column_values(shipping_methods, new)
