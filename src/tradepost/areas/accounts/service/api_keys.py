"""The rules of API keys that belong to users."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from tradepost.kit.operation import operation
from tradepost.kit.problems import Conflict, Validation
from tradepost.kit.records import Page, Record
from tradepost.kit.selection import Selection
from tradepost.kit.service import Expected
from tradepost.kit.window import Window

from .. import policy
from ..keys import new_key
from ..models import ApiKeyRow
from ..policy import ROLES
from ..resource import api_keys
from ..schemas import ApiKey, ApiKeyInput
from .account import Account
from .credentials import Credentials

MOST = 50


class ApiKeys(Account):
    """Keys as one caller sees, makes and revokes them."""

    @operation("api_key_list", "page", api_keys, access=policy.look_after)
    async def list(self, window: Window, want: Selection[ApiKey]) -> Page[ApiKey]:
        """The keys of the caller that are not revoked; with `users:write` those of all. The newest first."""
        return await self.page(api_keys, want, window)

    @operation("api_key_get", "one", api_keys, access=policy.look_after)
    async def get(self, key: str, want: Selection[ApiKey]) -> Record[ApiKey]:
        """One key by its id. Its secret is not shown again."""
        return await self.one(api_keys, want, key)

    @operation("api_key_create", "create", api_keys, access=policy.change_own, input=ApiKeyInput, problems=(Conflict,))
    async def create(self, new: ApiKeyInput, want: Selection[ApiKey]) -> Record[ApiKey]:
        """Makes a key in the name of the caller. Its `secret` is in this answer and never again. It may what the caller may, or less."""
        user = await self.owner()
        if (await self.session.scalar(select(func.count()).where(ApiKeyRow.user_id == user.id, ApiKeyRow.revoked_at.is_(None))) or 0) >= MOST:
            raise Conflict(f"An account has {MOST} keys at most; revoke one first.")
        made = new_key()
        row = ApiKeyRow(
            user_id=user.id, name=new.name, prefix=made.prefix, secret_hash=made.digest(self.use(Credentials).secret), scopes=self.scopes(new),
            points_per_minute=new.points_per_minute, expires_at=self.expiry(new),
        )  # fmt: skip
        self.session.add(row)
        await self.session.flush()
        self.context.once = made.text
        self.context.announce("api_key.created", row.id)
        return await self.answer(api_keys, want, row.id)

    @operation("api_key_delete", "delete", api_keys, access=policy.change_own)
    async def delete(self, key: str, expected: Expected, want: Selection[ApiKey]) -> Record[ApiKey]:
        """Revokes a key: from now on it lets nobody in."""
        row = await self.claim(ApiKeyRow, api_keys, key, expected)
        gone = await self.one(api_keys, want, row.id)
        row.revoked_at = self.context.clock()
        self.revoke(key=row.id)
        self.context.announce("api_key.revoked", row.id)
        return gone

    def scopes(self, new: ApiKeyInput) -> Sequence[str] | None:
        """The permissions that a key is narrowed to. What calls with a narrowed credential can make none that may more."""
        held = self.context.caller.permissions
        if new.scopes is None:
            narrowed = self.context.caller.key is not None or held != ROLES[self.context.caller.role]
            return sorted(held) if narrowed else None
        for i, scope in enumerate(new.scopes):
            if scope not in held:
                raise Validation.at(f"/scopes/{i}", f"You do not hold `{scope}`; a key can be narrowed to: {', '.join(sorted(held))}.", "not_allowed")
        return sorted(set(new.scopes))

    def expiry(self, new: ApiKeyInput) -> datetime | None:
        """From when on it lets nobody in, which must be to come."""
        given = new.expires_at
        if given is None:
            return None
        if given.tzinfo is None or given <= self.context.clock():
            raise Validation.at("/expires_at", "This is a time to come, with its offset, such as `2031-01-31T12:00:00Z`.", "out_of_range")
        # Times have six decimals on the wire, which is why none of ours ends in a whole second (kit/clock).
        return given if given.microsecond else given.replace(microsecond=1)
