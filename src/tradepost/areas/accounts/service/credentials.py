"""Whose credential a request brings: an API key, or an access token of a session or of an API key.

What was found good is remembered for a minute (`Remembered`), so a hot caller costs neither SQL nor a signature; a revocation makes every
process forget it at once where Redis is, and within that minute elsewhere.
"""

import asyncio
import hmac
import logging
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, select, update

from tradepost.kit.auth.caller import ANONYMOUS, CREDENTIAL_HEADERS, Caller
from tradepost.kit.clock import now, to_datetime
from tradepost.kit.crypto import derive_key
from tradepost.kit.db.column_types import Id
from tradepost.kit.ids import parse_id
from tradepost.kit.problems import Unauthenticated
from tradepost.kit.writes.database import Database

from ..api_key_format import ParsedApiKey, generate, parse
from ..credential_cache import CredentialCache
from ..models import ApiKeyRow, SessionRow, UserRow
from ..policy import ROLES
from ..tokens import AccessTokens, Claims
from .scopes import permissions, stored

# Whoever runs commands on the machine of the shop owns it: the shell's caller has no credential and may do all.
SYSTEM = Caller(role="admin", permissions=ROLES["admin"])
OF_KEY = select(
    ApiKeyRow.id, ApiKeyRow.secret_hash, ApiKeyRow.revoked_at, ApiKeyRow.expires_at, ApiKeyRow.role, ApiKeyRow.scopes, ApiKeyRow.points_per_minute,
    UserRow.id, UserRow.status, UserRow.role,
).outerjoin(UserRow, UserRow.id == ApiKeyRow.user_id)  # fmt: skip
BY_PREFIX = OF_KEY.where(ApiKeyRow.prefix == bindparam("prefix"))
BY_KEY = OF_KEY.where(ApiKeyRow.id == bindparam("id", type_=Id))
PREFIX_OF = select(ApiKeyRow.prefix).where(ApiKeyRow.id == bindparam("id", type_=Id))
BY_SESSION = (
    select(SessionRow.revoked_at, SessionRow.expires_at, UserRow.id, UserRow.status, UserRow.role)
    .join(UserRow, UserRow.id == SessionRow.user_id)
    .where(SessionRow.id == bindparam("id", type_=Id))
)
BAD = "The credential is not good: it is mistyped, unknown, expired or revoked."
LOG = logging.getLogger("tradepost.accounts")


class Credential(msgspec.Struct, frozen=True):
    """A row of an API key, as a reader of either database brings it."""

    id: str
    secret_hash: str
    expires_at: datetime | None
    caller: Caller


class Credentials:
    """Tells whose credentials are, and makes keys that belong to no user. `every` is in seconds: how often `last_used_at` is written."""

    write_interval = 30.0

    def __init__(
        self,
        database: Database,
        secret_key: str,
        *,
        tokens: AccessTokens | None = None,
        cache: CredentialCache | None = None,
    ) -> None:
        self.database, self.secret, self.tokens = database, derive_key(secret_key, "api keys"), tokens
        self.cache = cache if cache is not None else CredentialCache(derive_key(secret_key, "remembered credentials"))
        self.last_used: dict[str, datetime] = {}

    async def create(self, *, name: str, role: str) -> str:
        """A new key of a role, for the shop's own machine; its text is shown this once."""
        if role not in ROLES:
            raise ValueError(f"`{role}` is no role; roles: {', '.join(ROLES)}")
        key = generate()
        async with self.database.transaction() as session:
            session.add(ApiKeyRow(name=name, role=role, prefix=key.prefix, secret_hash=key.digest(self.secret)))
        return key.text

    def identify_request(self, headers: list[tuple[bytes, bytes]]) -> Caller | Awaitable[Caller]:
        """Who the credentials of a request name: nobody where there are none, 401 where they are bad or name two callers. Only who is not remembered has to be
        waited for."""
        lines = [line for line in headers if line[0] in CREDENTIAL_HEADERS]
        if not lines:
            return ANONYMOUS
        shown = b"\n".join([b"%b: %b" % line for line in lines])
        known = self.cache.get(shown)
        return known if known is not None else self.resolve(credential_in(lines), shown)

    async def identify(self, text: str) -> Caller:
        """Whose API key or access token this is; 401 where it is nobody's."""
        shown = text.encode("utf-8", "surrogatepass")
        known = self.cache.get(shown)
        return known if known is not None else await self.resolve(text, shown)

    async def resolve(self, text: str, shown: bytes) -> Caller:
        """The same without looking at what is remembered; whoever it is, is remembered by the bytes in which the credential was shown."""
        ticket = self.cache.generation()
        if text.startswith("tp_"):
            key = parse(text)
            if key is None:
                raise Unauthenticated(BAD)
            found = await self.by_prefix(key)
            expires = found.expires_at
        else:
            if self.tokens is None:
                raise Unauthenticated(BAD)
            claims = self.tokens.decode(text)
            found = await self.from_token(claims)
            expires = claims.expires_at if found.expires_at is None else min(claims.expires_at, found.expires_at)
        caller = found.caller
        self.cache.store(
            ticket,
            shown,
            caller,
            user=caller.id,
            session=caller.session_id,
            key=caller.api_key_id or found.id,
            expires=expires,
        )
        return caller

    async def by_prefix(self, key: ParsedApiKey) -> Credential:
        """A key's row, where it lets somebody in."""
        row = await self.database.fetch_first(BY_PREFIX, {"prefix": key.prefix})
        # Compared where there is no row as well: what is unknown takes as long as what is wrong.
        right = hmac.compare_digest(row[1] if row is not None else "", key.digest(self.secret))
        if row is None or not right:
            raise Unauthenticated(BAD)
        return self.authenticate(row)

    async def oauth_client(self, id: str, secret: str) -> Credential:
        """The key that an OAuth2 client is, where it lets somebody in. Its id is the key's `prefix` or id, its secret the whole key or what stands
        behind the prefix in it."""
        row_id = parse_id(id)
        row = await self.database.fetch_first(PREFIX_OF, {"id": row_id}) if row_id is not None else (id,)
        prefix: str = row[0] if row is not None else ""
        key = parse(secret if secret.startswith("tp_") else f"tp_{prefix}_{secret}")
        if key is None or key.prefix != prefix:
            raise Unauthenticated(BAD)
        return await self.by_prefix(key)

    async def from_token(self, claims: Claims) -> Credential:
        """What an access token stands on, as it is now: a session, or the API key that it was given for."""
        if claims.key is not None:
            row = await self.named(BY_KEY, claims.key)
            if row is None:
                raise Unauthenticated(BAD)
            found = self.authenticate(row)
            if found.caller.id != claims.user:
                raise Unauthenticated(BAD)
            may = found.caller.permissions if claims.scope is None else found.caller.permissions & claims.scope
            return msgspec.structs.replace(found, caller=msgspec.structs.replace(found.caller, permissions=may))
        row = await self.named(BY_SESSION, claims.session)
        if (
            row is None
            or row[0] is not None
            or to_datetime(row[1]) <= now()
            or str(row[2]) != claims.user
            or row[3] != "active"
        ):
            raise Unauthenticated(BAD)
        caller = Caller(
            id=claims.user, role=row[4], permissions=permissions(row[4], claims.scope), session_id=claims.session
        )
        return Credential(str(claims.session), "", to_datetime(row[1]), caller)

    async def named(self, query: Select[*tuple[Any, ...]], text: str | None) -> Any:
        """The row that a claim names by its id, if it is one: PostgreSQL takes no other text."""
        id = parse_id(text) if text is not None else None
        return await self.database.fetch_first(query, {"id": id}) if id is not None else None

    def authenticate(self, row: Any) -> Credential:
        """The caller behind a key's row; 401 where the key or its owner is let in no more."""
        id, hash, revoked, expires, role, scopes, points, user, status, owner = row
        until = to_datetime(expires) if expires is not None else None
        if revoked is not None or (until is not None and until <= now()) or (user is not None and status != "active"):
            raise Unauthenticated(BAD)
        self.last_used[str(id)] = now()
        role = owner if user is not None else role
        may = permissions(role, stored(scopes))
        # A user's keys share the user's bucket; a key of nobody is somebody of its own.
        return Credential(
            str(id),
            hash,
            until,
            Caller(
                id=str(user or id),
                role=role,
                permissions=may,
                api_key_id=str(id) if user is not None else None,
                points_per_minute=points,
            ),
        )

    async def record_last_used(self) -> None:
        """Writes `last_used_at` every now and then, for as long as it is left to."""
        try:
            while True:
                await asyncio.sleep(self.write_interval)
                await self.write_last_used()
        finally:
            await self.write_last_used()

    async def write_last_used(self) -> None:
        """Writes when keys were used last; no version changes by it."""
        used, self.last_used = self.last_used, {}
        if not used:
            return
        try:
            async with self.database.transaction() as session:
                for id, at in sorted(used.items()):
                    await session.execute(
                        update(ApiKeyRow)
                        .where(ApiKeyRow.id == id)
                        .values(last_used_at=at, updated_at=ApiKeyRow.updated_at)
                    )
        except Exception:
            LOG.exception("it could not be written when API keys were used last")


@asynccontextmanager
async def open_credentials(database_url: str, secret_key: str) -> AsyncGenerator[Credentials]:
    """The credentials of a database by itself, for commands."""
    database = Database(database_url, secret=derive_key(secret_key, "cursors"))
    await database.start()
    try:
        yield Credentials(database, secret_key)
    finally:
        await database.stop()


def credential_in(lines: list[tuple[bytes, bytes]]) -> str:
    """The credential that all header lines name; 401 where one has another form, or where they name two."""
    texts = [_in_line(name, value.decode("latin-1").strip()) for name, value in lines]
    if len(set(texts)) > 1:
        raise Unauthenticated("`Authorization` and `X-API-Key` name two credentials; send one.")
    return texts[0]


def _in_line(name: bytes, value: str) -> str:
    """The credential in a header line."""
    if name == b"x-api-key":
        if not value.startswith("tp_"):
            raise Unauthenticated(BAD)
        return value
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "bearer" or not rest.strip():
        raise Unauthenticated("`Authorization` takes `Bearer` and an access token or an API key (`tp_...`).")
    return rest.strip()
