"""Carts: create, read and change them."""

from typing import Any

from sqlalchemy import select

from tradepost.areas.accounts.resource import users
from tradepost.areas.accounts.service import validate_email_address
from tradepost.kit.auth.cart_token import GuestTokens
from tradepost.kit.ids import type_number
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.row_writes import check_values, visible_ids
from tradepost.kit.operations.service import ExpectedVersion, Service, apply_changes, column_values
from tradepost.kit.problems import AlreadyExists, Fault, Forbidden, InvalidTransition, Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.countries import country_faults
from tradepost.kit.schema.patch import Patch
from tradepost.kit.schema.validation import validation_problem
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import CartLineRow, CartRow
from ..resource import carts
from ..schemas import Cart, CartCreate, CartInput
from .expiry import expire
from .lines import line_rows
from .open_carts import extend, lifetime, lock_open_cart
from .settings import CartSettings


class Carts(Service):
    """Reads and changes carts."""

    @operation("cart_list", "list", carts, access=policy.anyone)
    async def list(self, list_query: ListQuery, selection: Selection[Cart]) -> Page[Cart]:
        """List your carts, newest first; with `orders:read`, all carts.

        A guest sees the cart whose token is sent in `X-Cart-Token`.
        """
        return await self.page(carts, selection, list_query)

    @operation("cart_get", "get", carts, access=policy.anyone)
    async def get(self, key: str, selection: Selection[Cart]) -> Record[Cart]:
        """Get a cart by its id. A guest's cart needs its token in `X-Cart-Token`."""
        return await self.one(carts, selection, key)

    @operation(
        "cart_create",
        "create",
        carts,
        access=policy.anyone,
        input=CartCreate,
        problems=(AlreadyExists, Forbidden),
    )
    async def create(self, new: CartCreate, selection: Selection[Cart]) -> Record[Cart]:
        """Create a cart.

        A guest's cart has a `token`, which is only shown in this response; send it in
        `X-Cart-Token`. A user has at most one open cart, which needs no token: if there is one
        already, the response is 409 `already_exists`, and `GET /v1/carts?status=open` finds it.
        With `orders:write`, `customer_id` creates the cart of a user.
        """
        customer_id = await self._customer_id(new)
        values = validated_columns(new) | {"currency": self.context.dependencies.require(CartSettings).currency}
        await check_values(self, carts, values)
        if customer_id is None:
            tokens = self.context.dependencies.require(GuestTokens)
            self.context.work.one_time_secret = token = tokens.new_cart_token()
            values["token_hash"] = tokens.token_hash(token)
        else:
            values |= await customer_values(self, customer_id, values)
        rows = await line_rows(self, new.lines)
        values["expires_at"] = self.context.clock() + lifetime(self.context, has_lines=bool(rows))
        [id] = await self.insert(CartRow, values)
        await self.insert(CartLineRow, *[row | {"cart_id": id} for row in rows])
        return await Service(self.context.with_access(cart_id=id)).read_back(carts, selection, id)

    @operation(
        "cart_update",
        "update",
        carts,
        access=policy.anyone,
        input=CartInput,
        problems=(Forbidden, InvalidTransition),
    )
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[Cart]
    ) -> Record[Cart]:
        """Update an open cart. Only the given fields are changed."""
        row = await lock_open_cart(self.context, key, expected)
        values = validated_columns(await self.apply_patch(carts, key, patch, CartInput))
        await check_values(self, carts, values, row)
        if apply_changes(row, values):
            await extend(self, row)
        return await self.read_back(carts, selection, row.id)

    async def _customer_id(self, new: CartCreate) -> str | None:
        """Return the user that a new cart is for, or None for a guest.

        A key that is not for its owner's account creates guests' carts.
        """
        caller = self.context.caller
        if new.customer_id is not None:
            id = str(new.customer_id)
            if not caller.has_permission(policy.WRITE_ALL):
                raise Forbidden(f"For `customer_id`, the permission `{policy.WRITE_ALL}` is required.")
            if not await visible_ids(self, users, [id]):
                raise users.reference_not_found("/customer_id", id)
            return id
        return caller.id if is_user(self.context) and caller.has_permission(policy.WRITE_OWN) else None


def is_user(context: CallContext) -> bool:
    """Whether the caller is a user, and neither a guest nor an API key without an owner."""
    return context.caller.id is not None and type_number(context.caller.id) == users.type_number


async def customer_values(service: Service, customer_id: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the owner of a new cart, and its e-mail address unless there is one in the input.

    Raise AlreadyExists if the user has an open cart. An overdue one expires.
    """
    await expire(service.session, service.context.clock(), CartRow.customer_id == customer_id)
    query = select(CartRow.id).where(CartRow.customer_id == customer_id, CartRow.status == "open")
    if (id := await service.session.scalar(query)) is not None:
        raise AlreadyExists(f"This user has an open cart already: `{id}`.", field="customer_id")
    return {"customer_id": customer_id, "email": values["email"] or await account_email(service, customer_id)}


async def account_email(service: Service, user_id: str) -> str | None:
    """Return the e-mail address of a user's account."""
    query = select(users.table.c.email).where(users.table.c.id == user_id)
    return await service.session.scalar(query)


def validated_columns(input: CartInput) -> dict[str, Any]:
    """Return the column values of an input, or raise Validation with all its faults."""
    faults, email = list[Fault](), input.email
    if email is not None:
        try:
            email = validate_email_address(email)
        except Validation as problem:
            faults += problem.errors
    for name, address in (("shipping_address", input.shipping_address), ("billing_address", input.billing_address)):
        if address is not None:
            faults += country_faults(address.country, f"/{name}/country")
    if faults:
        raise validation_problem(faults)
    return column_values(carts, input, "lines", "customer_id") | {"email": email}
