"""Address books."""

from sqlalchemy import func, select

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.row_writes import change_row, create_row, delete_row
from tradepost.kit.operations.service import ExpectedVersion, Service, column_values
from tradepost.kit.problems import Conflict
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.countries import country_faults
from tradepost.kit.schema.patch import Patch
from tradepost.kit.schema.validation import validation_problem

from .. import policy
from ..models import AddressRow
from ..resource import addresses
from ..schemas import Address, AddressInput
from .own_account import lock_own_account

MAX_ADDRESSES = 50


class Addresses(Service):
    """The address book of the caller."""

    @operation("address_list", "list", addresses, access=policy.read_own_account)
    async def list(self, list_query: ListQuery, selection: Selection[Address]) -> Page[Address]:
        """List your addresses. The newest come first."""
        return await self.page(addresses, selection, list_query)

    @operation("address_get", "get", addresses, access=policy.read_own_account)
    async def get(self, key: str, selection: Selection[Address]) -> Record[Address]:
        """Get an address from your address book by ID."""
        return await self.one(addresses, selection, key)

    @operation(
        "address_create", "create", addresses, access=policy.write_own_account, input=AddressInput, problems=(Conflict,)
    )
    async def create(self, input: AddressInput, selection: Selection[Address]) -> Record[Address]:
        """Create an address. Your address book holds up to 50."""
        user = await lock_own_account(self.context, self.session)
        count = await self.session.scalar(select(func.count()).where(AddressRow.user_id == user.id)) or 0
        if count >= MAX_ADDRESSES:
            raise Conflict(f"An address book holds up to {MAX_ADDRESSES} addresses. Delete one first.")
        id = await create_row(self, addresses, {"user_id": user.id, **_validated_columns(input)})
        return await self.read_back(addresses, selection, id)

    @operation("address_replace", "replace", addresses, access=policy.write_own_account, input=AddressInput)
    async def replace(
        self, key: str, input: AddressInput, expected: ExpectedVersion, selection: Selection[Address]
    ) -> Record[Address]:
        """Replace an address in your address book. Omitted members get their defaults."""
        address = await self.lock_for_update(AddressRow, addresses, key, expected)
        return await self._change(address, input, selection)

    @operation("address_update", "update", addresses, access=policy.write_own_account, input=AddressInput)
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[Address]
    ) -> Record[Address]:
        """Update an address in your address book. Omitted members stay as they are."""
        address = await self.lock_for_update(AddressRow, addresses, key, expected)
        return await self._change(address, await self.apply_patch(addresses, key, patch, AddressInput), selection)

    @operation("address_delete", "delete", addresses, access=policy.write_own_account)
    async def delete(self, key: str, expected: ExpectedVersion, selection: Selection[Address]) -> Record[Address]:
        """Delete an address from your address book."""
        address = await self.lock_for_update(AddressRow, addresses, key, expected)
        return await delete_row(self, addresses, address, selection)

    async def _change(self, address: AddressRow, input: AddressInput, selection: Selection[Address]) -> Record[Address]:
        await change_row(self, addresses, address, _validated_columns(input))
        return await self.read_back(addresses, selection, address.id)


def _validated_columns(input: AddressInput) -> dict[str, object]:
    """Return the column values of an address, or raise Validation if its country does not exist."""
    if faults := country_faults(input.country, "/country"):
        raise validation_problem(faults)
    return column_values(addresses, input)
