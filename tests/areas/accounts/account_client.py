"""People with accounts, as they call the shop through either door, and looks at what is in its tables."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import httpx
from advanced_alchemy.base import DefaultBase
from sqlalchemy import func, select, update

from tests.conftest import HERE
from tests.factories import Json, unique
from tradepost.areas.accounts.models import UserRow
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
OTHER = "four green boats at noon"
USER = "id version email username fullName status role emailVerifiedAt availableActions"
ADDRESS = "id version name lines city postcode country phone"
KEY = "id version name prefix scopes pointsPerMinute expiresAt lastUsedAt secret"
PAIR, RECEIPT = "accessToken tokenType expiresIn refreshToken", "status"
# Of each operation: method and path at REST, the field and its input at GraphQL, and what is asked there.
OPERATIONS: dict[str, tuple[str, str, str, str, str]] = {
    "register": ("POST", "/auth/register", "register", "RegisterInput", RECEIPT),
    "email_verify": ("POST", "/auth/email-verification", "emailVerify", "EmailVerifyInput", RECEIPT),
    "email_verification_request": ("POST", "/auth/email-verification/request", "emailVerificationRequest", "", RECEIPT),
    "email_change": ("POST", "/auth/email-change", "emailChange", "EmailChangeInput", RECEIPT),
    "login": ("POST", "/auth/login", "login", "LoginInput", PAIR),
    "token_refresh": ("POST", "/auth/refresh", "tokenRefresh", "RefreshInput", PAIR),
    "logout": ("POST", "/auth/logout", "logout", "", RECEIPT),
    "logout_everywhere": ("POST", "/auth/logout-everywhere", "logoutEverywhere", "", RECEIPT),
    "password_change": ("POST", "/auth/password", "passwordChange", "PasswordChangeInput", RECEIPT),
    "password_reset": ("POST", "/auth/password-reset", "passwordReset", "PasswordResetInput", RECEIPT),
    "password_reset_confirm": ("POST", "/auth/password-reset/confirmation", "passwordResetConfirm", "PasswordResetConfirmInput", RECEIPT),
    "me": ("GET", "/users/me", "me", "", USER),
    "user": ("GET", "/users/{}", "user", "", USER),
    "me_close": ("POST", "/users/me/closure", "meClose", "AccountCloseInput", RECEIPT),
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
}  # fmt: skip


@dataclass
class Answer:
    """What a door said, in REST's names: the code of the problem, or None and the body."""

    code: str | None
    body: Json
    status: int
    raw: httpx.Response

    @property
    def problem(self) -> Json:
        """The problem, which there must be."""
        assert self.code is not None, self.body
        return self.body

    @property
    def places(self) -> set[tuple[str, str]]:
        """Pointer and code of each fault."""
        return {(f["pointer"], f["code"]) for f in self.problem["errors"]}


@dataclass
class House:
    """The shop and somebody who calls it, through both doors."""

    app: "TradepostApp"
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def client(self) -> httpx.AsyncClient:
        """A client of its own, as the caller."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url=HERE, headers=self.headers)

    def bearing(self, token: str) -> "House":
        """The same shop, called with a token or key."""
        return House(self.app, {"Authorization": f"Bearer {token}"})

    async def call(
        self, door: Door, operation: str, body: Json | None = None, *, id: str | None = None, **headers: str
    ) -> Answer:
        """One operation through a door."""
        method, path, name, shape, asked = OPERATIONS[operation]
        more = {n.replace("_", "-"): v for n, v in headers.items()}
        async with self.client() as client:
            if door == "rest":
                raw = await client.request(method, f"/v1{path.format(id)}", json=body, headers=more)
                return _rest(raw)
            takes = ", ".join((["$id: ID!"] if id else []) + ([f"$input: {shape}!"] if shape else []))
            gives = ", ".join((["id: $id"] if id else []) + (["input: $input"] if shape else []))
            kind = "query" if method == "GET" else "mutation"
            text = f"{kind} {f'({takes})' if takes else ''} {{ {name}{f'({gives})' if gives else ''} {{ {asked} }} }}"
            given = ({"id": id} if id else {}) | ({"input": camel(body)} if shape else {})
            return _graphql(await client.post("/graphql", json={"query": text, "variables": given}, headers=more), name)

    async def ok(
        self, door: Door, operation: str, body: Json | None = None, *, id: str | None = None, **headers: str
    ) -> Json:
        """The body of an operation that must succeed."""
        answer = await self.call(door, operation, body, id=id, **headers)
        assert answer.code is None, (operation, answer.body)
        return answer.body

    async def code(
        self, door: Door, operation: str, body: Json | None = None, *, id: str | None = None, **headers: str
    ) -> str | None:
        """The code of the problem that an operation ends with; None where it succeeds."""
        return (await self.call(door, operation, body, id=id, **headers)).code

    async def lets_in(self, door: Door = "rest") -> bool:
        """Whether the credential is taken."""
        code = await self.code(door, "me")
        assert code in (None, "unauthenticated"), code
        return code is None


@dataclass
class Person(House):
    """Somebody with an account who has logged in."""

    id: str = ""
    email: str = ""
    refresh_token: str = ""
    access_token: str = ""


async def registered(app: "TradepostApp", door: Door = "rest", **members: Any) -> tuple[str, str]:
    """A new account: its id and e-mail address. Its password is PASSWORD."""
    email = members.pop("email", f"{unique('kim')}@shop.example")
    assert await House(app).ok(door, "register", {"email": email, "password": PASSWORD, **members}) == {
        "status": "accepted"
    }
    row = await row_of(app, UserRow, email=email.lower())
    assert row is not None
    return row.id, email


async def person(app: "TradepostApp", role: str = "customer", door: Door = "rest", **members: Any) -> Person:
    """Somebody new of a role, logged in."""
    id, email = await registered(app, door, **members)
    if role != "customer":
        async with app.state.database.transaction() as session:
            await session.execute(update(UserRow).where(UserRow.id == id).values(role=role))
    return await logged_in(app, id, email, door=door)


async def logged_in(app: "TradepostApp", id: str, email: str, password: str = PASSWORD, door: Door = "rest") -> Person:
    """Another session of somebody."""
    pair = await House(app).ok(door, "login", {"email": email, "password": password})
    return Person(
        app, {"Authorization": f"Bearer {pair['access_token']}"}, id, email, pair["refresh_token"], pair["access_token"]
    )


async def again(of: Person, door: Door = "rest", password: str = PASSWORD) -> Person:
    """The same, in one session more."""
    return await logged_in(of.app, of.id, of.email, password, door)


async def row_of(app: "TradepostApp", of: type[DefaultBase], **values: Any) -> Any:
    """The one row with these values, or None."""
    async with app.state.database.transaction() as session:
        return (await session.scalars(select(of).filter_by(**values))).one_or_none()


async def rows_of(app: "TradepostApp", of: type[DefaultBase], **values: Any) -> list[Any]:
    """All rows with these values."""
    async with app.state.database.transaction() as session:
        return list(await session.scalars(select(of).filter_by(**values)))


async def count_of(app: "TradepostApp", of: type[DefaultBase], **values: Any) -> int:
    """How many they are."""
    async with app.state.database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(of).filter_by(**values)) or 0


async def letters_to(app: "TradepostApp", subject: str) -> list[tuple[str, Json]]:
    """The letters about somebody that are to be sent: what kind, and what stands in each but the mark of the password that they were asked for under."""
    rows = await rows_of(app, OutboxEvent, subject=subject)
    return [
        (r.type.removeprefix("mail."), {n: v for n, v in r.data.items() if n != "mark"})
        for r in sorted(rows, key=lambda r: r.id)
        if r.type.startswith("mail.")
    ]


async def letter_token(app: "TradepostApp", purpose: str, user: str, email: str) -> str:
    """The token of a letter, as whoever sends it makes it."""
    return await create_token(
        CallContext(ANONYMOUS, app.state.database, dependencies=app.state.means), purpose, user, email
    )


def digest(app: "TradepostApp", token: str) -> str:
    """What is stored of a token."""
    return app.state.means.of(OpaqueTokens).digest(token)


def camel(given: Any) -> Any:
    """REST's names as those of GraphQL, of an input without free JSON. Roles are enums there."""
    if not isinstance(given, dict):
        return given
    return {_camel(n): v.upper() if n == "role" else v for n, v in given.items()}


def snake(given: Any) -> Any:
    """GraphQL's names as those of REST."""
    if isinstance(given, list):
        return [snake(v) for v in given]
    if not isinstance(given, dict):
        return given
    return {"".join([f"_{c.lower()}" if c.isupper() else c for c in n]): v for n, v in given.items()}


def _camel(name: str) -> str:
    return "".join([w.capitalize() if i else w for i, w in enumerate(name.split("_"))])


def _rest(raw: httpx.Response) -> Answer:
    body = raw.json() if raw.content else {}
    return Answer(body["code"] if raw.status_code >= 400 else None, body, raw.status_code, raw)


def _graphql(raw: httpx.Response, name: str) -> Answer:
    body = raw.json()
    if "code" in body:  # the whole request was refused
        return Answer(body["code"], body, raw.status_code, raw)
    if body.get("errors"):
        problem = body["errors"][0]["extensions"]
        return Answer(problem["code"], problem, problem.get("status", raw.status_code), raw)
    found = snake(body["data"][name])
    if found is None:
        return Answer("not_found", {}, 404, raw)
    for enum in ("status", "role"):
        if isinstance(found.get(enum), str):
            found[enum] = found[enum].lower()
    return Answer(None, found, raw.status_code, raw)
