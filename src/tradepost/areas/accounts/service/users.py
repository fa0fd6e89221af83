"""Accounts: as their owners and as staff read and change them."""

from sqlalchemy import delete, select

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import ExpectedVersion, Service, apply_changes, column_values
from tradepost.kit.problems import AlreadyExists, Conflict, Forbidden, InvalidTransition, NotFound, Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import AddressRow, EmailTokenRow, UserRow
from ..password_hasher import PasswordHasher
from ..resource import acknowledgements, users
from ..schemas import AccountCloseInput, Acknowledgement, ProfileInput, Role, RoleInput, User
from .acknowledgements import DONE
from .credential_revoker import CredentialRevoker
from .errors import InvalidCredentials
from .own_account import confirm_password, lock_own_account
from .registration import check_username
from .search_index import index_user


class Users(Service):
    """The accounts of users."""

    def __init__(self, context: CallContext) -> None:
        super().__init__(context)
        self.password_hasher = context.dependencies.require(PasswordHasher)
        self.revoker = CredentialRevoker(context)

    @operation("user_list", "list", users, access=policy.read_users)
    async def list(self, list_query: ListQuery, selection: Selection[User]) -> Page[User]:
        """List users. The newest come first, and closed accounts are included."""
        return await self.page(users, selection, list_query)

    @operation("user_get", "get", users, access=policy.read_own_account)
    async def get(self, key: str, selection: Selection[User]) -> Record[User]:
        """Get a user by ID. Without `users:read` only your own account is found."""
        return await self.one(users, selection, key)

    @operation("me", "get", users, access=policy.read_own_account)
    async def me(self, selection: Selection[User]) -> Record[User]:
        """Get your account. It is not found if the credential does not belong to a user."""
        return await self.one(users, selection, self.context.caller.id or "")

    @operation(
        "me_update", "update", users, access=policy.write_own_account, input=ProfileInput, problems=(AlreadyExists,)
    )
    async def update_me(self, patch: Patch, expected: ExpectedVersion, selection: Selection[User]) -> Record[User]:
        """Update your profile. The e-mail address and the password have their own operations."""
        user = await self.lock_for_update(UserRow, users, self.context.caller.id or "", expected)
        values = column_values(users, await self.apply_patch(users, user.id, patch, ProfileInput))
        await check_username(self.session, values["username"], user.id)
        if changed := apply_changes(user, values):
            await index_user(self.session, user)
            self.context.emit("user.updated", user.id, changed=changed)
        return await self.read_back(users, selection, user.id)

    @operation(
        "me_close",
        "command",
        acknowledgements,
        access=policy.write_own_account,
        input=AccountCloseInput,
        problems=(InvalidCredentials, Conflict),
        status=204,
        idempotent=False,
        attempted_account=lambda input: None,
    )
    async def close_me(
        self, input: AccountCloseInput, selection: Selection[Acknowledgement]
    ) -> Record[Acknowledgement]:
        """Close your account permanently.

        Your name, your address book, your password, your sessions, your API keys and your carts are
        removed. It is refused while one of your orders is open. The others are kept for the shop's
        accounts, without the link to you and your notes.
        """
        confirmed_hash = await confirm_password(self.context, self.password_hasher, input.password)
        user = await lock_own_account(self.context, self.session, confirmed_hash)
        await self._check_other_admin_exists(user)
        user.email, user.username, user.full_name, user.password_hash = f"{user.id}@closed.invalid", None, "", None
        user.status, user.email_verified_at, user.role = "closed", None, "customer"
        await index_user(self.session, user)
        for model in (AddressRow, EmailTokenRow):
            await self.session.execute(delete(model).where(model.user_id == user.id))
        await self.revoker.revoke_api_keys(user.id)
        await self.revoker.end_sessions(user.id)
        self.context.emit("user.closed", user.id)
        return self.respond(acknowledgements, DONE, selection)

    @operation(
        "user_role_set",
        "command",
        users,
        access=policy.manage_users,
        input=RoleInput,
        problems=(NotFound, InvalidTransition),
    )
    async def set_role(self, key: str, input: RoleInput, selection: Selection[User]) -> Record[User]:
        """Set the role of a user. You cannot change your own role."""
        if input.role is Role.ANONYMOUS:
            raise Validation.at_pointer("/role", "Users cannot have the role `anonymous`.", "not_allowed")
        await self._lock_own_permission()
        user = await self.lock_for_update(UserRow, users, key)
        if apply_changes(user, {"role": input.role.value}):
            self.revoker.publish_after_commit(user=user.id)
            self.context.emit("user.role_changed", user.id, role=user.role)
        return await self.read_back(users, selection, user.id)

    @operation("user_suspend", "command", users, access=policy.manage_users, problems=(NotFound, InvalidTransition))
    async def suspend(self, key: str, selection: Selection[User]) -> Record[User]:
        """Suspend an account.

        Its sessions end and its API keys are disabled. The user cannot log in until the account is
        restored.
        """
        await self._lock_own_permission()
        user = await self.lock_for_step(UserRow, users, key)
        await self.revoker.end_sessions(user.id)
        self.context.emit("user.suspended", user.id)
        return await self.read_back(users, selection, user.id)

    @operation("user_restore", "command", users, access=policy.manage_users, problems=(NotFound, InvalidTransition))
    async def restore(self, key: str, selection: Selection[User]) -> Record[User]:
        """Restore a suspended account. Its API keys work again; the user has to log in again."""
        await self._lock_own_permission()
        user = await self.lock_for_step(UserRow, users, key)
        self.revoker.publish_after_commit(user=user.id)
        self.context.emit("user.restored", user.id)
        return await self.read_back(users, selection, user.id)

    async def _check_other_admin_exists(self, user: UserRow) -> None:
        """Raise Conflict if this is the only admin. Only the command line could create another.

        The other admin is locked, so that it stays one until this write is committed.
        """
        if user.role != "admin":
            return
        query = select(UserRow.id).where(UserRow.role == "admin", UserRow.status == "active", UserRow.id != user.id)
        if await self.session.scalar(query.order_by(UserRow.id).limit(1).with_for_update()) is None:
            raise Conflict("You are the only admin. Make another user an admin first.")

    async def _lock_own_permission(self) -> None:
        """Lock the caller's account and raise Forbidden if it cannot manage users any more.

        If two admins suspend each other at the same time, only one succeeds.
        """
        query = (
            select(UserRow.status, UserRow.role).where(UserRow.id == self.context.caller.id).with_for_update(read=True)
        )
        caller = (await self.session.execute(query)).first()
        if caller is not None and (
            caller.status != "active" or not policy.manage_users.allows(policy.ROLES[caller.role])
        ):
            raise Forbidden("You no longer have permission to manage users.")
