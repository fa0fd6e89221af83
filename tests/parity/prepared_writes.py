"""Valid inputs made ready to send: a permitted caller, a row, and a body."""

from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from tests.parity.case import Body, CaseContext, WriteCase, new_mark
from tests.parity.cases import ENTITIES, REGISTRY, WriteInput
from tests.parity.harness import ApiClient, DualDoorApp, Json, client_with_role, key_tuple
from tests.users import ShopUser, create_user


@dataclass(frozen=True)
class PreparedWrite:
    """The arguments of one call. `mark` is the text by which its row differs from others.

    keys: the parameters of its path.
    """

    caller: ApiClient
    keys: tuple[str, ...]
    body: Json | None
    json_patch: list[Json] | None
    mark: str

    @property
    def arguments(self) -> Json:
        """The arguments of a DoorWriter."""
        return {"key": self.keys, "body": self.body, "json_patch": self.json_patch}

    @property
    def key(self) -> str:
        """The first parameter of its path, or an empty text if it has none."""
        return self.keys[0] if self.keys else ""


async def prepare(harness: DualDoorApp, valid: WriteInput, mark: str = "") -> PreparedWrite:
    """Prepare a valid input for a new caller who may send it, on a row that no other test has."""
    mark = mark or new_mark()
    caller = await permitted_caller(harness, valid.write, mark)
    owner = caller.user if valid.write.role == "customer" else await new_owner(harness, valid.write, mark)
    return await prepare_for(harness, valid, caller, owner, mark)


async def prepare_for(
    harness: DualDoorApp,
    valid: WriteInput,
    caller: ApiClient,
    owner: ShopUser,
    mark: str,
    *,
    for_guest: bool = False,
) -> PreparedWrite:
    """Prepare a valid input for this caller, on a row of this owner or of a guest.

    for_guest: the row belongs to a guest, whose token the caller sends.
    """
    context = CaseContext(harness.app, harness.staff, owner, mark, for_guest=for_guest)
    keys = await row_of(valid.write, context)
    if valid.write.cart_token is not None:
        caller = caller.with_cart_token(harness.app, valid.write.cart_token(context))
    elif for_guest:
        caller = caller.with_cart_token(harness.app, context.cart_token)
    return PreparedWrite(caller, keys, await resolve_body(valid.body, context), valid.json_patch, mark)


async def permitted_caller(harness: DualDoorApp, write: WriteCase, mark: str = "") -> ApiClient:
    """Return a caller who may call a write: the staff API key, or a new user of the case's role."""
    if write.role == "staff":
        return harness.staff
    return await client_with_role(harness, write.role, mark=f"caller-{mark}" if mark else "")


async def new_owner(harness: DualDoorApp, write: WriteCase, mark: str) -> ShopUser:
    """Create the user to whom the row of a write belongs."""
    return await create_user(harness.app, email=f"owner-{mark}@shop.example", status=write.status)


async def row_of(write: WriteCase, context: CaseContext) -> tuple[str, ...]:
    """Create the rows in the path of a write and return their keys."""
    operation = REGISTRY.operations[write.operation]
    if not operation.path_parameters:
        return ()
    create = write.row
    if create is None:
        entity = ENTITIES[operation.path_resource.name]
        create = entity.row
        assert create is not None, f"{entity.name} needs `row=`: {write.operation} is called on a row of it"
    keys = key_tuple(await create(context))
    assert len(keys) == len(operation.path_parameters), f"{write.operation} needs `row=` with all keys of its path"
    return keys


async def resolve_body(body: Body | None, context: CaseContext) -> Any:
    """Return a body of a case, computed if it is a function."""
    if not callable(body):
        return body
    value = body(context)
    return await value if isawaitable(value) else value
