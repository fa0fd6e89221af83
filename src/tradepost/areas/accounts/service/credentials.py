"""Identification of callers by their credentials.

A credential is an API key, or an access token of a session or of an API key. Verified credentials
are cached for a minute (`CredentialCache`). A revocation reaches every process at once through
Redis; without Redis, other processes apply it within that minute.
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

from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.auth.credential_headers import CALLER_HEADER_NAMES
from tradepost.kit.clock import now, to_datetime
from tradepost.kit.crypto import derive_key
from tradepost.kit.db.column_types import Id
from tradepost.kit.ids import parse_id
from tradepost.kit.problems import Unauthenticated, Unavailable
from tradepost.kit.writes.database import Database

from ..api_key_format import ParsedApiKey, generate, parse
from ..credential_cache import CredentialCache
from ..models import ApiKeyRow, SessionRow, UserRow
from ..policy import ROLES
from ..tokens import AccessTokens, Claims
from .credential_headers import credential_in
from .errors import INVALID_CREDENTIAL_DETAIL
from .scopes import decode_scopes, permissions

# The caller of commands. Users who can run them control the server anyway.
SYSTEM = Caller(role="admin", permissions=ROLES["admin"])
API_KEY = select(
    ApiKeyRow.id,
    ApiKeyRow.secret_hash,
    ApiKeyRow.revoked_at,
    ApiKeyRow.expires_at,
    ApiKeyRow.role,
    ApiKeyRow.scopes,
    ApiKeyRow.points_per_minute,
    UserRow.id,
    UserRow.status,
    UserRow.role,
).outerjoin(UserRow, UserRow.id == ApiKeyRow.user_id)
API_KEY_BY_PREFIX = API_KEY.where(ApiKeyRow.prefix == bindparam("prefix"))
API_KEY_BY_ID = API_KEY.where(ApiKeyRow.id == bindparam("id", type_=Id))
PREFIX_BY_ID = select(ApiKeyRow.prefix).where(ApiKeyRow.id == bindparam("id", type_=Id))
SESSION_BY_ID = (
    select(SessionRow.revoked_at, SessionRow.expires_at, UserRow.id, UserRow.status, UserRow.role)
    .join(UserRow, UserRow.id == SessionRow.user_id)
    .where(SessionRow.id == bindparam("id", type_=Id))
)

log = logging.getLogger("tradepost.accounts")


class Credential(msgspec.Struct, frozen=True):
    """A valid credential: the id of its API key or session, its expiry and its caller."""

    id: str
    expires_at: datetime | None
    caller: Caller


class Credentials:
    """Identifies callers, and creates API keys without an owner.

    `write_interval` is the number of seconds between two writes of `last_used_at`.
    """

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
        """Create an API key with a role and without an owner, and return its text."""
        if role not in ROLES:
            raise ValueError(f"`{role}` is not a role. Roles: {', '.join(ROLES)}.")
        key = generate()
        async with self.database.transaction() as session:
            session.add(ApiKeyRow(name=name, role=role, prefix=key.prefix, secret_hash=key.digest(self.secret)))
        return key.text

    def identify_request(self, headers: list[tuple[bytes, bytes]]) -> Caller | Awaitable[Caller]:
        """Return the caller of a request: anonymous if it has no credential.

        Raise Unauthenticated if the credential is invalid, or if two headers have different ones.
        The result is awaitable only if the caller is not cached.
        """
        credential_headers = [header for header in headers if header[0] in CALLER_HEADER_NAMES]
        if not credential_headers:
            return ANONYMOUS
        raw = b"\n".join([b"%b: %b" % header for header in credential_headers])
        caller = self.cache.get(raw)
        return caller if caller is not None else self.resolve(credential_in(credential_headers), raw)

    async def identify(self, text: str) -> Caller:
        """Return the caller of an API key or access token, or raise Unauthenticated."""
        raw = text.encode("utf-8", "surrogatepass")
        caller = self.cache.get(raw)
        return caller if caller is not None else await self.resolve(text, raw)

    async def resolve(self, text: str, raw: bytes) -> Caller:
        """Look a credential up without the cache, and cache its caller under `raw`."""
        generation = self.cache.generation()
        if text.startswith("tp_"):
            key = parse(text)
            if key is None:
                raise Unauthenticated.bad_credential(INVALID_CREDENTIAL_DETAIL)
            credential = await self.by_prefix(key)
            expires_at = credential.expires_at
        else:
            if self.tokens is None:
                raise Unauthenticated.bad_credential(INVALID_CREDENTIAL_DETAIL)
            claims = self.tokens.decode(text)
            credential = await self.from_token(claims)
            expires_at = claims.expires_at
            if credential.expires_at is not None:
                expires_at = min(expires_at, credential.expires_at)
        caller = credential.caller
        self.cache.store(
            generation,
            raw,
            caller,
            user=caller.id,
            session=caller.session_id,
            key=caller.api_key_id or credential.id,
            expires=expires_at,
        )
        return caller

    async def by_prefix(self, key: ParsedApiKey) -> Credential:
        """Return the credential of an API key, or raise Unauthenticated."""
        row = await self.database.fetch_first(API_KEY_BY_PREFIX, {"prefix": key.prefix})
        # Compared even if there is no row, so that an unknown key takes as long as a wrong one.
        matches = hmac.compare_digest(row[1] if row is not None else "", key.digest(self.secret))
        if row is None or not matches:
            raise Unauthenticated.bad_credential(INVALID_CREDENTIAL_DETAIL)
        return self.authenticate(row)

    async def oauth_client(self, id: str, secret: str) -> Credential:
        """Return the API key of an OAuth2 client, or raise Unauthenticated.

        `id` is the prefix or the id of the key. `secret` is the key, or its part after the prefix.
        """
        row_id = parse_id(id)
        row = await self.database.fetch_first(PREFIX_BY_ID, {"id": row_id}) if row_id is not None else (id,)
        prefix: str = row[0] if row is not None else ""
        key = parse(secret if secret.startswith("tp_") else f"tp_{prefix}_{secret}")
        if key is None or key.prefix != prefix:
            raise Unauthenticated.bad_credential(INVALID_CREDENTIAL_DETAIL)
        return await self.by_prefix(key)

    async def from_token(self, claims: Claims) -> Credential:
        """Return the session or API key that an access token was issued for, if it is still valid.

        Otherwise raise Unauthenticated.
        """
        if claims.key is not None:
            return await self._key_of_token(claims.key, claims)
        row = await self._fetch_by_id(SESSION_BY_ID, claims.session)
        if (
            row is None
            or row[0] is not None
            or to_datetime(row[1]) <= now()
            or str(row[2]) != claims.user
            or row[3] != "active"
        ):
            raise Unauthenticated.bad_credential(INVALID_CREDENTIAL_DETAIL)
        caller = Caller(
            id=claims.user, role=row[4], permissions=permissions(row[4], claims.scope), session_id=claims.session
        )
        return Credential(str(claims.session), to_datetime(row[1]), caller)

    async def _key_of_token(self, key_id: str, claims: Claims) -> Credential:
        row = await self._fetch_by_id(API_KEY_BY_ID, key_id)
        if row is None:
            raise Unauthenticated.bad_credential(INVALID_CREDENTIAL_DETAIL)
        credential = self.authenticate(row)
        if credential.caller.id != claims.user:
            raise Unauthenticated.bad_credential(INVALID_CREDENTIAL_DETAIL)
        held = credential.caller.permissions
        caller = msgspec.structs.replace(
            credential.caller, permissions=held if claims.scope is None else held & claims.scope
        )
        return msgspec.structs.replace(credential, caller=caller)

    async def _fetch_by_id(self, query: Select[*tuple[Any, ...]], text: str | None) -> Any:
        """Return the row with the id of a claim. PostgreSQL refuses a text that is not a UUID."""
        id = parse_id(text) if text is not None else None
        return await self.database.fetch_first(query, {"id": id}) if id is not None else None

    def authenticate(self, row: Any) -> Credential:
        """Return the credential of an API key's row.

        Raise Unauthenticated if the key is revoked or expired, or if its owner is not active.
        """
        id, _, revoked_at, expiry, key_role, scopes, points, user_id, status, user_role = row
        expires_at = to_datetime(expiry) if expiry is not None else None
        has_owner = user_id is not None
        if (
            revoked_at is not None
            or (expires_at is not None and expires_at <= now())
            or (has_owner and status != "active")
        ):
            raise Unauthenticated.bad_credential(INVALID_CREDENTIAL_DETAIL)
        self.last_used[str(id)] = now()
        role = user_role if has_owner else key_role
        # A user's keys share the rate limit of the user. A key without an owner has its own.
        caller = Caller(
            id=str(user_id or id),
            role=role,
            permissions=permissions(role, decode_scopes(scopes)),
            api_key_id=str(id) if has_owner else None,
            points_per_minute=points,
        )
        return Credential(str(id), expires_at, caller)

    async def record_last_used(self) -> None:
        """Write `last_used_at` periodically until cancelled."""
        try:
            while True:
                await asyncio.sleep(self.write_interval)
                await self.write_last_used()
        finally:
            await self.write_last_used()

    async def write_last_used(self) -> None:
        """Write when keys were last used. This changes no version."""
        last_used, self.last_used = self.last_used, {}
        if not last_used:
            return
        try:
            async with self.database.transaction() as session:
                for id, moment in sorted(last_used.items()):
                    query = update(ApiKeyRow).where(ApiKeyRow.id == id)
                    await session.execute(query.values(last_used_at=moment, updated_at=ApiKeyRow.updated_at))
        except Unavailable:
            self.last_used = last_used | self.last_used  # the next run writes them
        except Exception:
            log.exception("`last_used_at` of API keys could not be written")


@asynccontextmanager
async def open_credentials(database_url: str, secret_key: str) -> AsyncGenerator[Credentials]:
    """Open a database only for its credentials, for commands."""
    database = Database(database_url, secret=derive_key(secret_key, "cursors"))
    await database.start()
    try:
        yield Credentials(database, secret_key)
    finally:
        await database.stop()
