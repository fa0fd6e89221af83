"""The rules of address books."""

from functools import cache

from babel import Locale
from sqlalchemy import func, select

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import ExpectedVersion, apply_changes, column_values
from tradepost.kit.problems import Conflict, Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch

from .. import policy
from ..models import AddressRow
from ..resource import addresses
from ..schemas import Address, AddressInput
from .base import AccountService

MOST = 50


class Addresses(AccountService):
    """The address book of the caller."""

    @operation("address_list", "list", addresses, access=policy.read_own_account)
    async def list(self, window: ListQuery, want: Selection[Address]) -> Page[Address]:
        """The addresses of the caller, the newest first."""
        return await self.page(addresses, want, window)

    @operation("address_get", "get", addresses, access=policy.read_own_account)
    async def get(self, key: str, want: Selection[Address]) -> Record[Address]:
        """One of the caller's addresses by its id."""
        return await self.one(addresses, want, key)

    @operation(
        "address_create", "create", addresses, access=policy.write_own_account, input=AddressInput, problems=(Conflict,)
    )
    async def create(self, new: AddressInput, want: Selection[Address]) -> Record[Address]:
        """Adds an address to the caller's book, which holds 50."""
        user = await self.owner()
        if (await self.session.scalar(select(func.count()).where(AddressRow.user_id == user.id)) or 0) >= MOST:
            raise Conflict(f"An address book holds {MOST} addresses; delete one first.")
        row = AddressRow(user_id=user.id, **checked(new))
        self.session.add(row)
        await self.session.flush()
        self.context.emit("address.created", row.id)
        return await self.read_back(addresses, want, row.id)

    @operation("address_replace", "replace", addresses, access=policy.write_own_account, input=AddressInput)
    async def replace(
        self, key: str, new: AddressInput, expected: ExpectedVersion, want: Selection[Address]
    ) -> Record[Address]:
        """Sets all members of an address; what is left out has its default."""
        return await self.change(await self.lock_for_update(AddressRow, addresses, key, expected), new, want)

    @operation("address_update", "update", addresses, access=policy.write_own_account, input=AddressInput)
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, want: Selection[Address]
    ) -> Record[Address]:
        """Changes the given members of an address and leaves the others as they are."""
        row = await self.lock_for_update(AddressRow, addresses, key, expected)
        return await self.change(row, await self.apply_patch(addresses, key, patch, AddressInput), want)

    @operation("address_delete", "delete", addresses, access=policy.write_own_account)
    async def delete(self, key: str, expected: ExpectedVersion, want: Selection[Address]) -> Record[Address]:
        """Takes an address out of the caller's book."""
        row = await self.lock_for_update(AddressRow, addresses, key, expected)
        gone = await self.one(addresses, want, row.id)
        await self.session.delete(row)
        self.context.emit("address.deleted", row.id)
        return gone

    async def change(self, row: AddressRow, new: AddressInput, want: Selection[Address]) -> Record[Address]:
        """Sets what differs."""
        if changed := apply_changes(row, checked(new)):
            self.context.emit("address.updated", row.id, changed=changed)
        return await self.read_back(addresses, want, row.id)


def checked(given: AddressInput) -> dict[str, object]:
    """The columns of an address; 422 where its country is none."""
    if given.country not in country_codes():
        raise Validation.at_pointer(
            "/country", f"`{given.country}` is no country code of ISO 3166-1, such as `DK`.", "not_allowed"
        )
    return column_values(addresses, given)


@cache
def country_codes() -> frozenset[str]:
    """The codes of ISO 3166-1 alpha-2, as CLDR has them; those that it has besides (`EU`, `UN`, `XA`, `ZZ` ...) are no countries."""
    others = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ", "AC", "CP", "DG", "EA", "IC", "TA", "CQ"}
    known = [str(code) for code in Locale("en").territories]
    return frozenset([code for code in known if len(code) == 2 and code.isalpha() and code not in others])
