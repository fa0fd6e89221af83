"""Clients that call account operations through either door, and helpers that read the tables."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import httpx
from advanced_alchemy.base import DefaultBase
from sqlalchemy import func, select, update

from tests.app_client import AppClient
from tests.factories import Json, unique
from tradepost.areas.accounts.models import RefreshTokenRow, UserRow
from tradepost.areas.accounts.opaque_tokens import OpaqueTokens
from tradepost.areas.accounts.service.email_tokens import create_token
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

type Door = Literal["rest", "graphql"]

DOORS: tuple[Door, Door] = ("rest", "graphql")
PASSWORD = "seven grey herons asleep"
OTHER_PASSWORD = "four green boats at noon"
USER = "id version email username fullName status role emailVerifiedAt availableActions"
ADDRESS = "id version name company lines city postcode region country phone"
KEY = "id version name prefix scopes pointsPerMinute expiresAt lastUsedAt secret"
TOKENS, STATUS = "accessToken tokenType expiresIn refreshToken", "status"
# For each operation: REST method and path, GraphQL field, its input type, and the selected fields.
OPERATIONS: dict[str, tuple[str, str, str, str, str]] = {
    "register": ("POST", "/auth/register", "register", "RegisterInput", STATUS),
    "email_verify": ("POST", "/auth/email-verification", "emailVerify", "EmailVerifyInput", STATUS),
    "email_verification_request": ("POST", "/auth/email-verification/request", "emailVerificationRequest", "", STATUS),
    "email_change": ("POST", "/auth/email-change", "emailChange", "EmailChangeInput", STATUS),
    "login": ("POST", "/auth/login", "login", "LoginInput", TOKENS),
    "token_refresh": ("POST", "/auth/refresh", "tokenRefresh", "RefreshInput", TOKENS),
    "logout": ("POST", "/auth/logout", "logout", "", STATUS),
    "logout_everywhere": ("POST", "/auth/logout-everywhere", "logoutEverywhere", "", STATUS),
    "password_change": ("POST", "/auth/password", "passwordChange", "PasswordChangeInput", STATUS),
    "password_reset": ("POST", "/auth/password-reset", "passwordReset", "PasswordResetInput", STATUS),
    "password_reset_confirm": (
        "POST",
        "/auth/password-reset/confirmation",
        "passwordResetConfirm",
        "PasswordResetConfirmInput",
        STATUS,
    ),
    "me": ("GET", "/users/me", "me", "", USER),
    "user": ("GET", "/users/{}", "user", "", USER),
    "me_close": ("POST", "/users/me/closure", "meClose", "AccountCloseInput", STATUS),
    "user_role_set": ("POST", "/users/{}/role", "userRoleSet", "RoleInput", USER),
    "user_suspend": ("POST", "/users/{}/suspension", "userSuspend", "", USER),
    "user_restore": ("POST", "/users/{}/restoration", "userRestore", "", USER),
    "address": ("GET", "/users/me/addresses/{}", "address", "", ADDRESS),
    "address_create": ("POST", "/users/me/addresses", "addressCreate", "AddressInput", ADDRESS),
    "address_replace": ("PUT", "/users/me/addresses/{}", "addressReplace", "AddressInput", ADDRESS),
    "address_delete": ("DELETE", "/users/me/addresses/{}", "addressDelete", "", ADDRESS),
    "api_key": ("GET", "/api-keys/{}", "apiKey", "", KEY),
    "api_key_create": ("POST", "/api-keys", "apiKeyCreate", "ApiKeyInput", KEY),
    "api_key_delete": ("DELETE", "/api-keys/{}", "apiKeyDelete", "", KEY),
}


@dataclass
class Answer:
    """A response in REST's names: the code of the problem, or None if the operation succeeded."""

    code: str | None
    body: Json
    status: int
    raw: httpx.Response

    @property
    def problem(self) -> Json:
        """Return the problem; there must be one."""
        assert self.code is not None, self.body
        return self.body

    @property
    def faults(self) -> set[tuple[str, str]]:
        """Return the pointer and the code of each error."""
        return {(error["pointer"], error["code"]) for error in self.problem["errors"]}


@dataclass
class DoorClient:
    """Calls one app through both doors, as one caller."""

    app: "TradepostApp"
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def client(self) -> httpx.AsyncClient:
        """Return a new HTTP client with the caller's credential."""
        return AppClient(self.app, headers=self.headers)

    def with_credential(self, token: str) -> "DoorClient":
        """Return a client of the same app that sends a token or an API key."""
        return DoorClient(self.app, {"Authorization": f"Bearer {token}"})

    async def call(
        self, door: Door, operation: str, body: Json | None = None, *, id: str | None = None, **headers: str
    ) -> Answer:
        """Call an operation through a door."""
        method, path, name, input_type, fields = OPERATIONS[operation]
        more = {n.replace("_", "-"): v for n, v in headers.items()}
        async with self.client() as client:
            if door == "rest":
                raw = await client.request(method, f"/v1{path.format(id)}", json=body, headers=more)
                return _rest(raw)
            declared = ", ".join((["$id: ID!"] if id else []) + ([f"$input: {input_type}!"] if input_type else []))
            passed = ", ".join((["id: $id"] if id else []) + (["input: $input"] if input_type else []))
            kind = "query" if method == "GET" else "mutation"
            field = f"{name}{f'({passed})' if passed else ''}"
            text = f"{kind} {f'({declared})' if declared else ''} {{ {field} {{ {fields} }} }}"
            variables = ({"id": id} if id else {}) | ({"input": camel(body)} if input_type else {})
            payload = {"query": text, "variables": variables}
            return _graphql(await client.post("/graphql", json=payload, headers=more), name)

    async def ok(
        self, door: Door, operation: str, body: Json | None = None, *, id: str | None = None, **headers: str
    ) -> Json:
        """Call an operation that must succeed, and return the body."""
        answer = await self.call(door, operation, body, id=id, **headers)
        assert answer.code is None, (operation, answer.body)
        return answer.body

    async def code(
        self, door: Door, operation: str, body: Json | None = None, *, id: str | None = None, **headers: str
    ) -> str | None:
        """Call an operation and return the code of its problem, or None if it succeeds."""
        return (await self.call(door, operation, body, id=id, **headers)).code

    async def is_authenticated(self, door: Door = "rest") -> bool:
        """Return whether the credential is accepted."""
        code = await self.code(door, "me")
        assert code in (None, "unauthenticated", "token_expired"), code
        return code is None


@dataclass
class AccountClient(DoorClient):
    """The client of a user who is logged in."""

    id: str = ""
    email: str = ""
    refresh_token: str = ""
    access_token: str = ""


async def register_user(app: "TradepostApp", door: Door = "rest", **members: Any) -> tuple[str, str]:
    """Register an account with PASSWORD and return its id and e-mail address."""
    email = members.pop("email", f"{unique('kim')}@shop.example")
    assert await DoorClient(app).ok(door, "register", {"email": email, "password": PASSWORD, **members}) == {
        "status": "accepted"
    }
    row = await row_of(app, UserRow, email=email.lower())
    assert row is not None
    return row.id, email


async def register_and_log_in(
    app: "TradepostApp", role: str = "customer", door: Door = "rest", **members: Any
) -> AccountClient:
    """Register a user, give it a role, and log in."""
    id, email = await register_user(app, door, **members)
    if role != "customer":
        async with app.state.database.transaction() as session:
            await session.execute(update(UserRow).where(UserRow.id == id).values(role=role))
    return await log_in(app, id, email, door=door)


async def log_in(
    app: "TradepostApp", id: str, email: str, password: str = PASSWORD, door: Door = "rest"
) -> AccountClient:
    """Log in and return the client of the new session."""
    pair = await DoorClient(app).ok(door, "login", {"email": email, "password": password})
    return AccountClient(
        app, {"Authorization": f"Bearer {pair['access_token']}"}, id, email, pair["refresh_token"], pair["access_token"]
    )


async def log_in_again(client: AccountClient, door: Door = "rest", password: str = PASSWORD) -> AccountClient:
    """Log the same user in to another session."""
    return await log_in(client.app, client.id, client.email, password, door)


async def row_of(app: "TradepostApp", table: type[DefaultBase], **values: Any) -> Any:
    """Return the only row with these values, or None."""
    async with app.state.database.transaction() as session:
        return (await session.scalars(select(table).filter_by(**values))).one_or_none()


async def rows_of(app: "TradepostApp", table: type[DefaultBase], **values: Any) -> list[Any]:
    """Return all rows with these values."""
    async with app.state.database.transaction() as session:
        return list(await session.scalars(select(table).filter_by(**values)))


async def count_of(app: "TradepostApp", table: type[DefaultBase], **values: Any) -> int:
    """Return the number of rows with these values."""
    async with app.state.database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(table).filter_by(**values)) or 0


async def session_of(app: "TradepostApp", token: str) -> str:
    """Return the id of the session of a refresh token."""
    return (await row_of(app, RefreshTokenRow, secret_hash=digest(app, token))).session_id


async def age_used_tokens(app: "TradepostApp", token: str, age: timedelta) -> None:
    """Move the use of the used refresh tokens in the session of a token back."""
    used = [r for r in await rows_of(app, RefreshTokenRow, session_id=await session_of(app, token)) if r.used_at]
    async with app.state.database.transaction() as session:
        for row in used:
            query = update(RefreshTokenRow).where(RefreshTokenRow.id == row.id)
            await session.execute(query.values(used_at=row.used_at - age))


async def emails_to(app: "TradepostApp", subject: str) -> list[tuple[str, Json]]:
    """Return kind and data of the e-mails to a user in the outbox, without the password mark."""
    rows = await rows_of(app, OutboxEvent, subject=subject)
    return [
        (r.type.removeprefix("mail."), {n: v for n, v in r.data.items() if n != "mark"})
        for r in sorted(rows, key=lambda r: r.id)
        if r.type.startswith("mail.")
    ]


async def email_token(app: "TradepostApp", purpose: str, user: str, email: str) -> str:
    """Create a token as the worker does when it sends the e-mail."""
    return await create_token(
        CallContext(ANONYMOUS, app.state.database, dependencies=app.state.dependencies), purpose, user, email
    )


def digest(app: "TradepostApp", token: str) -> str:
    """Return the digest under which a token is stored."""
    return app.state.dependencies.require(OpaqueTokens).digest(token)


def camel(value: Any) -> Any:
    """Convert an input without free JSON to GraphQL's names. Roles are enums there."""
    if not isinstance(value, dict):
        return value
    return {_camel(n): v.upper() if n == "role" else v for n, v in value.items()}


def snake(value: Any) -> Any:
    """Convert a GraphQL value to REST's names."""
    if isinstance(value, list):
        return [snake(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {"".join([f"_{c.lower()}" if c.isupper() else c for c in n]): v for n, v in value.items()}


def _camel(name: str) -> str:
    return "".join([w.capitalize() if i else w for i, w in enumerate(name.split("_"))])


def _rest(raw: httpx.Response) -> Answer:
    body = raw.json() if raw.content else {}
    return Answer(body["code"] if raw.status_code >= 400 else None, body, raw.status_code, raw)


def _graphql(raw: httpx.Response, name: str) -> Answer:
    body = raw.json()
    if "code" in body:  # the whole request was rejected
        return Answer(body["code"], body, raw.status_code, raw)
    if body.get("errors"):
        problem = body["errors"][0]["extensions"]
        return Answer(problem["code"], problem, problem.get("status", raw.status_code), raw)
    result = snake(body["data"][name])
    if result is None:
        return Answer("not_found", {}, 404, raw)
    for enum in ("status", "role"):
        if isinstance(result.get(enum), str):
            result[enum] = result[enum].lower()
    return Answer(None, result, raw.status_code, raw)
