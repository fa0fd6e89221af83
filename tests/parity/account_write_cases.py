"""The writes of the accounts: who may, and what they are given. Most act on the caller itself, so each try has a caller of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.parity.harness import ApiClient, DualDoorApp, Json
from tests.users import ADDRESS, PASSWORD, ShopUser, create_user, http_client
from tradepost.areas.accounts.policy import ROLES
from tradepost.areas.accounts.service.email_tokens import RESET_PASSWORD, VERIFY_EMAIL

type Given = tuple[str, Json | None]
type Make = Callable[[ShopUser, str], Awaitable[Given]]
"""From the owner of the row (or whoever is meant in the body) and a mark of its own: the key of the row and the body."""


@dataclass(frozen=True)
class AccountWriteCase:
    """One write: a role that may, and how its row and its body are made. `status` is that of the account that it is about."""

    role: str
    make: Make
    status: str = "active"


def given(body: Callable[[ShopUser, str], Json] | None = None) -> Make:
    """Of a write that begins at no row."""

    async def make(owner: ShopUser, own: str) -> Given:
        return "", body(owner, own) if body is not None else None

    return make


def at_user(body: Json | None = None) -> Make:
    """Of a write on another account."""

    async def make(owner: ShopUser, own: str) -> Given:
        return owner.id, body

    return make


def at_address(body: Json | None) -> Make:
    """Of a write on an address in the owner's book."""

    async def make(owner: ShopUser, own: str) -> Given:
        return await owner.address(), body

    return make


async def at_key(owner: ShopUser, own: str) -> Given:
    """Of a write on an API key of the owner."""
    return (await owner.key())["id"], None


async def with_refresh_token(owner: ShopUser, own: str) -> Given:
    return "", {"refresh_token": await owner.refresh_token()}


async def with_verification(owner: ShopUser, own: str) -> Given:
    return "", {"token": await owner.email_token(VERIFY_EMAIL)}


async def with_reset(owner: ShopUser, own: str) -> Given:
    return "", {"token": await owner.email_token(RESET_PASSWORD), "new_password": f"four boats {own}"}


ACTS: dict[str, AccountWriteCase] = {
    "register": AccountWriteCase(
        "anonymous",
        given(
            lambda owner, own: {
                "email": f"new-{own}@shop.example",
                "password": f"six boats {own}x",
                "username": f"u{own}",
            }
        ),
    ),
    "email_verify": AccountWriteCase("anonymous", with_verification),
    "email_verification_request": AccountWriteCase("customer", given()),
    "email_change": AccountWriteCase(
        "customer", given(lambda owner, own: {"email": f"other-{own}@shop.example", "password": PASSWORD})
    ),
    "login": AccountWriteCase("anonymous", given(lambda owner, own: {"email": owner.email, "password": PASSWORD})),
    "token_refresh": AccountWriteCase("anonymous", with_refresh_token),
    "logout": AccountWriteCase("customer", given()),
    "logout_everywhere": AccountWriteCase("customer", given()),
    "password_change": AccountWriteCase(
        "customer", given(lambda owner, own: {"current_password": PASSWORD, "new_password": f"four boats {own}"})
    ),
    "password_reset": AccountWriteCase("anonymous", given(lambda owner, own: {"email": owner.email})),
    "password_reset_confirm": AccountWriteCase("anonymous", with_reset),
    "me_update": AccountWriteCase(
        "customer", given(lambda owner, own: {"full_name": f"Name {own}", "username": f"u{own}"})
    ),
    "me_close": AccountWriteCase("customer", given(lambda owner, own: {"password": PASSWORD})),
    "user_role_set": AccountWriteCase("admin", at_user({"role": "moderator"})),
    "user_suspend": AccountWriteCase("admin", at_user()),
    "user_restore": AccountWriteCase("admin", at_user(), status="suspended"),
    "address_create": AccountWriteCase("customer", given(lambda owner, own: ADDRESS | {"name": f"Name {own}"})),
    "address_replace": AccountWriteCase(
        "customer", at_address({"name": "Sam Holm", "lines": ["Havnegade 1"], "city": "Odense", "country": "DK"})
    ),
    "address_update": AccountWriteCase("customer", at_address({"city": "Odense", "phone": None})),
    "address_delete": AccountWriteCase("customer", at_address(None)),
    "api_key_create": AccountWriteCase(
        "customer",
        given(lambda owner, own: {"name": f"Scanner {own}", "scopes": ["account:read"], "points_per_minute": 7}),
    ),
    "api_key_delete": AccountWriteCase("customer", at_key),
}


async def client_with_role(harness: DualDoorApp, role: str, scopes: list[str] | None = None, own: str = "") -> ApiClient:
    """Somebody of a role who has just logged in; with scopes, a program with a key of that user which is narrowed to them."""
    if role == "anonymous":
        return harness.anonymous
    person = await create_user(harness.app, role, **({"email": f"{own}@shop.example"} if own else {}))
    credential = person.token if scopes is None else (await person.key(scopes=scopes))["secret"]
    return ApiClient(
        role,
        http_client(harness.app, credential),
        ROLES[role] if scopes is None else frozenset(scopes),
        credential,
        person,
    )


async def prepare_case(harness: DualDoorApp, operation: str, own: str) -> tuple[ApiClient, str, Json | None]:
    """A caller who may, the key of a row of its own (or of somebody else's where it is about others), and the body."""
    act = ACTS[operation]
    caller = await client_with_role(harness, act.role, own=f"caller-{own}")
    owner = (
        caller.person
        if act.role == "customer"
        else await create_user(harness.app, email=f"owner-{own}@shop.example", status=act.status)
    )
    assert owner is not None
    return caller, *await act.make(owner, own)


def invalid_body(shape: type[Any] | None) -> Json | None:
    """A body with every needed member, none of which can be meant."""
    if shape is None:
        return None
    values: Json = {"role": "moderator", "lines": []}
    return {n: values.get(n, "") for n in shape.__struct_fields__ if n in _needed(shape)}


def _needed(shape: Any) -> set[str]:
    count = len(shape.__struct_defaults__)
    return set(shape.__struct_fields__[: len(shape.__struct_fields__) - count])
