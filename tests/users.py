"""People of a test: users with sessions and API keys, as real as those who registered by themselves, but without the wait for a slow hash each time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from tests.conftest import HERE
from tests.factories import Json, unique
from tradepost.areas.accounts.models import AddressRow, RefreshTokenRow, SessionRow, UserRow
from tradepost.areas.accounts.opaque_tokens import REFRESH_TOKEN, OpaqueTokens
from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.areas.accounts.service.email_tokens import create_token
from tradepost.areas.accounts.service.search_index import index_user
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.clock import now
from tradepost.kit.ids import new_id
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PASSWORD = "seven grey herons asleep"
ADDRESS: Json = {
    "name": "Kim Larsen",
    "lines": ["Vestergade 12", "2. tv."],
    "city": "Aarhus",
    "country": "DK",
    "postcode": "8000",
    "phone": "+4587654321",
}
HASHES: list[str] = []


@dataclass(frozen=True)
class Person:
    """A user, logged in."""

    app: "TradepostApp"
    id: str
    email: str
    session: str

    @property
    def token(self) -> str:
        """An access token of the session."""
        return self.app.state.means.of(AccessTokens).issue(user=self.id, session=self.session)[0]

    def client(self) -> httpx.AsyncClient:
        """A client with that token."""
        return visitor(self.app, self.token)

    async def key(self, **members: Any) -> Json:
        """An API key of the user, made by the operation: its secret is in it."""
        async with self.client() as client:
            answer = await client.post("/v1/api-keys", json={"name": unique("Key")} | members)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def address(self, **members: Any) -> str:
        """The id of an address in the user's book."""
        async with self.app.state.database.transaction() as session:
            row = AddressRow(user_id=self.id, **(ADDRESS | members))
            session.add(row)
            await session.flush()
            return row.id

    async def refresh_token(self) -> str:
        """A refresh token of the session."""
        opaque = self.app.state.means.of(OpaqueTokens)
        text = opaque.new(REFRESH_TOKEN)
        async with self.app.state.database.transaction() as session:
            session.add(RefreshTokenRow(session_id=self.session, secret_hash=opaque.digest(text)))
        return text

    async def mailed(self, purpose: str) -> str:
        """The token of a letter to the user."""
        return await create_token(
            CallContext(ANONYMOUS, self.app.state.database, dependencies=self.app.state.means),
            purpose,
            self.id,
            self.email,
        )


async def somebody(app: "TradepostApp", role: str = "customer", **members: Any) -> Person:
    """A user that nobody else has."""
    if not HASHES:
        HASHES.append(await app.state.means.of(PasswordHasher).hash(PASSWORD))
    given = {
        "email": f"{unique('kim')}@shop.example",
        "role": role,
        "password_hash": HASHES[0],
        "full_name": "Kim Larsen",
    } | members
    async with app.state.database.transaction() as session:
        user = UserRow(id=new_id(UserRow.__number__), **given)
        session.add(user)
        await session.flush()
        await index_user(session, user)
        begun = SessionRow(id=new_id(SessionRow.__number__), user_id=user.id, expires_at=now() + timedelta(days=1))
        session.add(begun)
        await session.flush()
        return Person(app, user.id, given["email"], begun.id)


def visitor(app: "TradepostApp", credential: str | None = None) -> httpx.AsyncClient:
    """A client with an access token or an API key, or with neither."""
    headers = {"Authorization": f"Bearer {credential}"} if credential else {}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE, headers=headers, trust_env=False)
