"""Users with sessions and API keys, inserted directly so that no test waits for a hash."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import Table, insert

from tests.app_client import AppClient
from tests.factories import Json, unique
from tradepost.areas.accounts.models import AddressRow, RefreshTokenRow, SessionRow, UserRow, UserSearchRow
from tradepost.areas.accounts.opaque_tokens import REFRESH_TOKEN, OpaqueTokens
from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.areas.accounts.service.email_tokens import create_token
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.clock import now
from tradepost.kit.ids import new_id
from tradepost.kit.text.words import normalize
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PASSWORD = "seven grey herons asleep"
ADDRESS: Json = {
    "name": "Kim Larsen",
    "company": "Larsen ApS",
    "lines": ["Vestergade 12", "2. tv."],
    "city": "Aarhus",
    "country": "DK",
    "postcode": "8000",
    "region": "82",
    "phone": "+4587654321",
}
HASHES: list[str] = []
"""The hash of PASSWORD, computed once."""


@dataclass(frozen=True)
class ShopUser:
    """A logged-in user."""

    app: "TradepostApp"
    id: str
    email: str
    session: str

    @property
    def token(self) -> str:
        """Issue an access token of the session."""
        return self.app.state.dependencies.require(AccessTokens).issue(user=self.id, session=self.session)[0]

    def client(self) -> httpx.AsyncClient:
        """Return a client that sends the access token."""
        return http_client(self.app, self.token)

    async def key(self, **members: Any) -> Json:
        """Create an API key through REST and return it with its secret."""
        async with self.client() as client:
            answer = await client.post("/v1/api-keys", json={"name": unique("Key")} | members)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def address(self, **members: Any) -> str:
        """Insert an address and return its id."""
        async with self.app.state.database.transaction() as session:
            row = AddressRow(user_id=self.id, **(ADDRESS | members))
            session.add(row)
            await session.flush()
            return row.id

    async def refresh_token(self) -> str:
        """Insert a refresh token of the session and return it."""
        opaque = self.app.state.dependencies.require(OpaqueTokens)
        text = opaque.generate(REFRESH_TOKEN)
        async with self.app.state.database.transaction() as session:
            session.add(RefreshTokenRow(session_id=self.session, secret_hash=opaque.digest(text)))
        return text

    async def email_token(self, purpose: str) -> str:
        """Create a token as it would be sent to the user by e-mail."""
        return await create_token(
            CallContext(ANONYMOUS, self.app.state.database, dependencies=self.app.state.dependencies),
            purpose,
            self.id,
            self.email,
        )


async def create_user(app: "TradepostApp", role: str = "customer", **members: Any) -> ShopUser:
    """Insert a new user with one session."""
    if not HASHES:
        HASHES.append(await app.state.dependencies.require(PasswordHasher).hash(PASSWORD))
    columns = {
        "email": f"{unique('kim')}@shop.example",
        "role": role,
        "password_hash": HASHES[0],
        "full_name": "Kim Larsen",
    } | members
    id, session_id, email = new_id(UserRow.__number__), new_id(SessionRow.__number__), columns["email"]
    names = (columns["full_name"], columns.get("username") or "")
    words = {"name": normalize(*names), "words": normalize(*names, email)}
    session_columns = {"id": session_id, "user_id": id, "expires_at": now() + timedelta(days=1)}
    # The tests create thousands of users: statements of SQLAlchemy Core take a third of the time.
    async with app.state.database.transaction() as session:
        connection = await session.connection()
        await connection.execute(insert(table_of(UserRow)), {"id": id} | columns)
        await connection.execute(insert(table_of(UserSearchRow)), {"id": id} | words)
        await connection.execute(insert(table_of(SessionRow)), session_columns)
    return ShopUser(app, id, email, session_id)


def table_of(row: Any) -> Table:
    """Return the table of a mapped class."""
    return row.__table__


def http_client(app: "TradepostApp", credential: str | None = None) -> httpx.AsyncClient:
    """Return a client that sends an access token or an API key, or neither."""
    headers = {"Authorization": f"Bearer {credential}"} if credential else {}
    return AppClient(app, headers=headers)
