"""The rules of accounts as their owners and the staff see and change them."""

from sqlalchemy import delete, select

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import ExpectedVersion, apply_changes, column_values
from tradepost.kit.problems import AlreadyExists, Conflict, Forbidden, InvalidTransition, NotFound
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch

from .. import policy
from ..models import AddressRow, EmailTokenRow, UserRow
from ..resource import acknowledgements, users
from ..schemas import AccountCloseInput, Acknowledgement, ProfileInput, RoleInput, User
from .base import InvalidCredentials
from .registration import Registration
from .search_index import index_user
from .sessions import DONE, Sessions


class Users(Registration, Sessions):
    """Accounts as one caller sees and changes them."""

    @operation("user_list", "list", users, access=policy.read_users)
    async def list(self, window: ListQuery, want: Selection[User]) -> Page[User]:
        """Everybody who has, or had, an account; the newest first."""
        return await self.page(users, want, window)

    @operation("user_get", "get", users, access=policy.read_own_account)
    async def get(self, key: str, want: Selection[User]) -> Record[User]:
        """One account by its id: one's own, or with `users:read` anybody's."""
        return await self.one(users, want, key)

    @operation("me", "get", users, access=policy.read_own_account)
    async def me(self, want: Selection[User]) -> Record[User]:
        """The account of the caller; not found where its credential belongs to no user."""
        return await self.one(users, want, self.context.caller.id or "")

    @operation(
        "me_update", "update", users, access=policy.write_own_account, input=ProfileInput, problems=(AlreadyExists,)
    )
    async def update_me(self, patch: Patch, expected: ExpectedVersion, want: Selection[User]) -> Record[User]:
        """Changes what the caller says of itself. The address and the password have operations of their own."""
        row = await self.lock_for_update(UserRow, users, self.context.caller.id or "", expected)
        values = column_values(users, await self.apply_patch(users, row.id, patch, ProfileInput))
        await self.check_username(values["username"], row.id)
        if changed := apply_changes(row, values):
            await index_user(self.session, row)
            self.context.emit("user.updated", row.id, changed=changed)
        return await self.read_back(users, want, row.id)

    @operation(
        "me_close", "command", acknowledgements, access=policy.write_own_account, input=AccountCloseInput, problems=(InvalidCredentials, Conflict), status=204, idempotent=False,
        attempted_account=lambda given: None,
    )  # fmt: skip
    async def close_me(self, given: AccountCloseInput, want: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Closes the account of the caller for ever: its name, addresses and ways in are gone; what was ordered stays without them."""
        user = await self.owner(await self.confirm(given.password))
        await self.leaves_an_admin(user)
        user.email, user.username, user.full_name, user.password_hash = f"{user.id}@closed.invalid", None, "", None
        user.status, user.email_verified_at, user.role = "closed", None, "customer"
        await index_user(self.session, user)
        for gone in (AddressRow, EmailTokenRow):
            await self.session.execute(delete(gone).where(gone.user_id == user.id))
        await self.revoke_keys(user.id)
        await self.end_all(user.id)
        self.context.emit("user.closed", user.id)
        return self.respond(acknowledgements, DONE, want)

    @operation(
        "user_role_set",
        "command",
        users,
        access=policy.manage_users,
        input=RoleInput,
        problems=(NotFound, InvalidTransition),
    )
    async def set_role(self, key: str, given: RoleInput, want: Selection[User]) -> Record[User]:
        """Makes somebody a customer, moderator, member of the staff or admin. Nobody changes the own role."""
        await self.still_manages()
        user = await self.lock_for_update(UserRow, users, key)
        if apply_changes(user, {"role": given.role.value}):
            self.revoke(user=user.id)
            self.context.emit("user.role_changed", user.id, role=user.role)
        return await self.read_back(users, want, user.id)

    @operation("user_suspend", "command", users, access=policy.manage_users, problems=(NotFound, InvalidTransition))
    async def suspend(self, key: str, want: Selection[User]) -> Record[User]:
        """Shuts somebody out: sessions end, keys let nobody in, nobody can log in, until the account is restored."""
        await self.still_manages()
        user = await self.lock_for_update(UserRow, users, key)
        user.status = "suspended"
        await self.session.flush()
        await self.end_all(user.id)
        self.context.emit("user.suspended", user.id)
        return await self.read_back(users, want, user.id)

    @operation("user_restore", "command", users, access=policy.manage_users, problems=(NotFound, InvalidTransition))
    async def restore(self, key: str, want: Selection[User]) -> Record[User]:
        """Lets somebody in again who was suspended. API keys work as before; sessions have to begin anew."""
        await self.still_manages()
        user = await self.lock_for_update(UserRow, users, key)
        user.status = "active"
        self.revoke(user=user.id)
        self.context.emit("user.restored", user.id)
        return await self.read_back(users, want, user.id)

    async def leaves_an_admin(self, user: UserRow) -> None:
        """That the shop has another admin where this one goes, who stays until this write is done; else nobody could make one but by the shell."""
        if user.role != "admin":
            return
        others = select(UserRow.id).where(UserRow.role == "admin", UserRow.status == "active", UserRow.id != user.id)
        if await self.session.scalar(others.order_by(UserRow.id).limit(1).with_for_update()) is None:
            raise Conflict("You are the only admin of the shop; make somebody else one first.")

    async def still_manages(self) -> None:
        """That the caller's own account may still manage others, until this write is done: of two admins who shut each other out, one stays."""
        query = (
            select(UserRow.status, UserRow.role).where(UserRow.id == self.context.caller.id).with_for_update(read=True)
        )
        own = (await self.session.execute(query)).first()
        if own is not None and (own.status != "active" or not policy.manage_users.allows(policy.ROLES[own.role])):
            raise Forbidden("You may not manage users any more.")
