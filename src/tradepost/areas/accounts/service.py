"""The rules of the accounts: today API keys, each with a role."""

import hmac
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import blake2b
from time import monotonic

from sqlalchemy import bindparam, select

from tradepost.kit.caller import ANONYMOUS, Caller
from tradepost.kit.database import Database
from tradepost.kit.problems import Unauthenticated
from tradepost.kit.secret import derive

from .keys import new_key, parse
from .models import ApiKeyRow
from .policy import ROLES

# Whoever runs commands on the machine of the shop owns it: the shell's caller has no credential and may do all.
SYSTEM = Caller(role="admin", permissions=ROLES["admin"])
KEPT_FOR, MOST_KEPT = 60.0, 10_000
BY_PREFIX = select(ApiKeyRow.id, ApiKeyRow.role, ApiKeyRow.secret_hash, ApiKeyRow.revoked_at).where(ApiKeyRow.prefix == bindparam("prefix"))
BAD = "The credential is not good: it is mistyped, unknown or revoked."


class ApiKeys:
    """Makes keys and tells whose they are. A key found good is remembered by its digest for a minute, so a hot caller costs no SQL."""

    def __init__(self, database: Database, secret_key: str) -> None:
        self.database, self.secret = database, derive(secret_key, "api keys")
        self.kept: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    async def create(self, *, name: str, role: str) -> str:
        """A new key of a role; its text is shown this once."""
        if role not in ROLES:
            raise ValueError(f"`{role}` is no role; roles: {', '.join(ROLES)}")
        key = new_key()
        async with self.database.transaction() as session:
            session.add(ApiKeyRow(name=name, role=role, prefix=key.prefix, secret_hash=key.digest(self.secret)))
        return key.text

    async def identify(self, text: str) -> Caller:
        """Whose key this is; 401 where it is nobody's."""
        digest = blake2b(text.encode(), digest_size=16, key=self.secret).digest()
        if (kept := self.kept.get(digest)) is not None and kept[0] > monotonic():
            return kept[1]
        caller = await self._look_up(text)
        self.kept[digest] = (monotonic() + KEPT_FOR, caller)
        self.kept.move_to_end(digest)
        if len(self.kept) > MOST_KEPT:
            self.kept.popitem(last=False)
        return caller

    async def _look_up(self, text: str) -> Caller:
        key = parse(text)
        if key is None:
            raise Unauthenticated(BAD)
        row = await self.database.first(BY_PREFIX, {"prefix": key.prefix})
        if row is None or row[3] is not None or not hmac.compare_digest(row[2], key.digest(self.secret)):
            raise Unauthenticated(BAD)
        return Caller(id=str(row[0]), role=row[1], permissions=ROLES[row[1]])

    async def caller_of(self, headers: list[tuple[bytes, bytes]]) -> Caller:
        """Who the credentials of a request name: nobody where there are none, 401 where they are bad or name two callers."""
        texts: list[str] = []
        for name, value in headers:
            if name == b"x-api-key":
                texts.append(value.decode("latin-1").strip())
            elif name == b"authorization":
                scheme, _, rest = value.decode("latin-1").strip().partition(" ")
                if scheme.lower() != "bearer" or not rest.strip().startswith("tp_"):
                    raise Unauthenticated("`Authorization` takes `Bearer` and an API key (`tp_...`).")
                texts.append(rest.strip())
        if not texts:
            return ANONYMOUS
        if any(t != texts[0] for t in texts):
            raise Unauthenticated("`Authorization` and `X-API-Key` name two credentials; send one.")
        return await self.identify(texts[0])


@asynccontextmanager
async def api_keys(database_url: str, secret_key: str) -> AsyncGenerator[ApiKeys]:
    """The keys of a database by itself, for commands."""
    database = Database(database_url, secret=derive(secret_key, "cursors"))
    await database.start()
    try:
        yield ApiKeys(database, secret_key)
    finally:
        await database.stop()
