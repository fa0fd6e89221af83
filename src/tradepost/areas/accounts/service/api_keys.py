"""API keys that belong to users."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select

from tradepost.kit.clock import to_rfc3339
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import ExpectedVersion, Service
from tradepost.kit.problems import Conflict, Forbidden, Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

from .. import api_key_format, policy
from ..models import ApiKeyRow
from ..resource import api_keys
from ..schemas import ApiKey, ApiKeyInput
from .credential_revoker import CredentialRevoker
from .credentials import Credentials
from .errors import ReauthenticationRequired
from .own_account import check_recent_login, lock_own_account

MAX_API_KEYS = 50
LATEST_EXPIRY = datetime(9999, 12, 31, tzinfo=UTC)
"""The last day that a datetime can hold in every time zone."""


class ApiKeys(Service):
    """API keys as one caller sees, creates and revokes them."""

    def __init__(self, context: CallContext) -> None:
        super().__init__(context)
        self.credentials = context.dependencies.require(Credentials)
        self.revoker = CredentialRevoker(context)

    @operation("api_key_list", "list", api_keys, access=policy.read_own_account)
    async def list(self, list_query: ListQuery, selection: Selection[ApiKey]) -> Page[ApiKey]:
        """List your API keys. With `users:write`, the keys of all users are listed.

        The newest come first. Revoked keys are not listed.
        """
        return await self.page(api_keys, selection, list_query)

    @operation("api_key_get", "get", api_keys, access=policy.read_own_account)
    async def get(self, key: str, selection: Selection[ApiKey]) -> Record[ApiKey]:
        """Get an API key by ID. Its secret is not shown again."""
        return await self.one(api_keys, selection, key)

    @operation(
        "api_key_create",
        "create",
        api_keys,
        access=policy.write_own_account,
        input=ApiKeyInput,
        problems=(Conflict, ReauthenticationRequired),
    )
    async def create(self, input: ApiKeyInput, selection: Selection[ApiKey]) -> Record[ApiKey]:
        """Create an API key. Its `secret` is only shown in this response.

        The key has your permissions, or fewer. Your session must have begun with a log-in within
        the last hour. An API key can create keys that have at most its own permissions.
        """
        user = await lock_own_account(self.context, self.session)
        await check_recent_login(self.context, self.session)
        query = select(func.count()).where(ApiKeyRow.user_id == user.id, ApiKeyRow.revoked_at.is_(None))
        if (await self.session.scalar(query) or 0) >= MAX_API_KEYS:
            raise Conflict(f"An account has up to {MAX_API_KEYS} API keys. Delete one first.")
        generated, calling_key = api_key_format.generate(), await self._lock_calling_key()
        row = ApiKeyRow(
            user_id=user.id,
            name=input.name,
            prefix=generated.prefix,
            secret_hash=generated.digest(self.credentials.secret),
            scopes=self._scopes(input),
            points_per_minute=_points_per_minute(input, calling_key),
            expires_at=self._expires_at(input, calling_key),
        )
        self.session.add(row)
        await self.session.flush()
        self.context.work.one_time_secret = generated.text
        self.context.emit("api_key.created", row.id)
        return await self.read_back(api_keys, selection, row.id)

    @operation("api_key_delete", "delete", api_keys, access=policy.write_own_account)
    async def delete(self, key: str, expected: ExpectedVersion, selection: Selection[ApiKey]) -> Record[ApiKey]:
        """Revoke an API key. It stops working at once."""
        row = await self.lock_for_update(ApiKeyRow, api_keys, key, expected)
        record = await self.one(api_keys, selection, row.id)
        row.revoked_at = self.context.clock()
        self.revoker.publish_after_commit(key=row.id)
        self.context.emit("api_key.revoked", row.id)
        return record

    async def _lock_calling_key(self) -> ApiKeyRow | None:
        """Return the API key that the caller uses, or None. It cannot change during this write.

        A key that it creates cannot have more permissions, a later expiry or a higher rate limit.
        """
        id = self.context.caller.api_key_id
        if id is None:
            return None
        row = await self.session.get(ApiKeyRow, id, populate_existing=True, with_for_update={"read": True})
        if row is None or row.revoked_at is not None:
            raise Forbidden("The API key of this request has been revoked.")
        return row

    def _scopes(self, input: ApiKeyInput) -> Sequence[str] | None:
        """Return the scopes of a new key, or None for all permissions of its owner.

        A limited credential cannot create a key with more permissions.
        """
        caller, held = self.context.caller, self.context.caller.permissions
        if input.scopes is None:
            return sorted(held) if caller.api_key_id is not None or held != policy.ROLES[caller.role] else None
        for index, scope in enumerate(input.scopes):
            if scope not in held:
                detail = f"You do not have `{scope}`. A key can be limited to: {', '.join(sorted(held))}."
                raise Validation.at_pointer(f"/scopes/{index}", detail, "not_allowed")
        return sorted(set(input.scopes))

    def _expires_at(self, input: ApiKeyInput, calling_key: ApiKeyRow | None) -> datetime | None:
        """Return when a new key expires: in the future, and no later than the calling key."""
        expires_at, latest = input.expires_at, calling_key.expires_at if calling_key is not None else None
        if expires_at is None:
            return latest
        if expires_at.tzinfo is None or not self.context.clock() < expires_at <= LATEST_EXPIRY:
            detail = "Use a time in the future with a UTC offset, such as `2031-01-31T12:00:00Z`."
            raise Validation.at_pointer("/expires_at", detail, "out_of_range")
        if latest is not None and expires_at > latest:
            detail = f"The API key of this request expires at {to_rfc3339(latest)}. A new key cannot outlive it."
            raise Validation.at_pointer("/expires_at", detail, "out_of_range")
        # Times have six decimals on the wire, so they never end in a whole second (kit/clock).
        return expires_at if expires_at.microsecond else expires_at.replace(microsecond=1)


def _points_per_minute(input: ApiKeyInput, calling_key: ApiKeyRow | None) -> int | None:
    """Return the rate limit of a new key, which cannot exceed that of the calling key."""
    points, maximum = input.points_per_minute, calling_key.points_per_minute if calling_key is not None else None
    if points is not None and maximum is not None and points > maximum:
        detail = f"The API key of this request has {maximum} points per minute. A new key cannot have more."
        raise Validation.at_pointer("/points_per_minute", detail, "out_of_range")
    return points if points is not None else maximum
