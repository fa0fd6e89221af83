"""The rules of API keys that belong to users."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select

from tradepost.kit.clock import to_rfc3339
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import ExpectedVersion
from tradepost.kit.problems import Conflict, Forbidden, Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..api_key_format import generate
from ..models import ApiKeyRow
from ..resource import api_keys
from ..schemas import ApiKey, ApiKeyInput
from .base import AccountService
from .credentials import Credentials

MOST = 50
LAST = datetime(9999, 12, 31, tzinfo=UTC)
"""The last day that any clock of ours can tell, wherever the caller's is."""


class ApiKeys(AccountService):
    """Keys as one caller sees, makes and revokes them."""

    @operation("api_key_list", "list", api_keys, access=policy.read_own_account)
    async def list(self, window: ListQuery, want: Selection[ApiKey]) -> Page[ApiKey]:
        """The keys of the caller that are not revoked; with `users:write` those of all. The newest first."""
        return await self.page(api_keys, want, window)

    @operation("api_key_get", "get", api_keys, access=policy.read_own_account)
    async def get(self, key: str, want: Selection[ApiKey]) -> Record[ApiKey]:
        """One key by its id. Its secret is not shown again."""
        return await self.one(api_keys, want, key)

    @operation(
        "api_key_create", "create", api_keys, access=policy.write_own_account, input=ApiKeyInput, problems=(Conflict,)
    )
    async def create(self, new: ApiKeyInput, want: Selection[ApiKey]) -> Record[ApiKey]:
        """Makes a key in the name of the caller. Its `secret` is in this answer and never again. It may what the caller may, or less."""
        user = await self.owner()
        if (
            await self.session.scalar(
                select(func.count()).where(ApiKeyRow.user_id == user.id, ApiKeyRow.revoked_at.is_(None))
            )
            or 0
        ) >= MOST:
            raise Conflict(f"An account has {MOST} keys at most; revoke one first.")
        made, by = generate(), await self.calling()
        row = ApiKeyRow(
            user_id=user.id, name=new.name, prefix=made.prefix, secret_hash=made.digest(self.require(Credentials).secret), scopes=self.scopes(new),
            points_per_minute=points(new, by), expires_at=self.expiry(new, by),
        )  # fmt: skip
        self.session.add(row)
        await self.session.flush()
        self.context.work.one_time_secret = made.text
        self.context.emit("api_key.created", row.id)
        return await self.read_back(api_keys, want, row.id)

    @operation("api_key_delete", "delete", api_keys, access=policy.write_own_account)
    async def delete(self, key: str, expected: ExpectedVersion, want: Selection[ApiKey]) -> Record[ApiKey]:
        """Revokes a key: from now on it lets nobody in."""
        row = await self.lock_for_update(ApiKeyRow, api_keys, key, expected)
        gone = await self.one(api_keys, want, row.id)
        row.revoked_at = self.context.clock()
        self.revoke(key=row.id)
        self.context.emit("api_key.revoked", row.id)
        return gone

    async def calling(self) -> ApiKeyRow | None:
        """The key that the caller calls with, if any, kept as it is until this write is done. What it makes may not more, not longer and not faster than it."""
        id = self.context.caller.api_key_id
        if id is None:
            return None
        row = await self.session.get(ApiKeyRow, id, populate_existing=True, with_for_update={"read": True})
        if row is None or row.revoked_at is not None:
            raise Forbidden("The key that you call with has been revoked.")
        return row

    def scopes(self, new: ApiKeyInput) -> Sequence[str] | None:
        """The permissions that a key is narrowed to. What calls with a narrowed credential can make none that may more."""
        caller, held = self.context.caller, self.context.caller.permissions
        if new.scopes is None:
            return sorted(held) if caller.api_key_id is not None or held != policy.ROLES[caller.role] else None
        for i, scope in enumerate(new.scopes):
            if scope not in held:
                raise Validation.at_pointer(
                    f"/scopes/{i}",
                    f"You do not hold `{scope}`; a key can be narrowed to: {', '.join(sorted(held))}.",
                    "not_allowed",
                )
        return sorted(set(new.scopes))

    def expiry(self, new: ApiKeyInput, by: ApiKeyRow | None) -> datetime | None:
        """From when on it lets nobody in, which must be to come; where the caller's own key expires, not later than that."""
        given, last = new.expires_at, by.expires_at if by is not None else None
        if given is None:
            return last
        if given.tzinfo is None or not self.context.clock() < given <= LAST:
            raise Validation.at_pointer(
                "/expires_at",
                "This is a time to come, with its offset, such as `2031-01-31T12:00:00Z`.",
                "out_of_range",
            )
        if last is not None and given > last:
            raise Validation.at_pointer(
                "/expires_at",
                f"The key that you call with expires at {to_rfc3339(last)}; one that it makes cannot outlive it.",
                "out_of_range",
            )
        # Times have six decimals on the wire, which is why none of ours ends in a whole second (kit/clock).
        return given if given.microsecond else given.replace(microsecond=1)


def points(new: ApiKeyInput, by: ApiKeyRow | None) -> int | None:
    """Its own limit; where the caller's own key has one, not above that."""
    given, most = new.points_per_minute, by.points_per_minute if by is not None else None
    if given is not None and most is not None and given > most:
        raise Validation.at_pointer(
            "/points_per_minute",
            f"The key that you call with has {most} points a minute; one that it makes cannot have more.",
            "out_of_range",
        )
    return given if given is not None else most
