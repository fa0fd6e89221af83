"""Admins that are created on the command line.

Users who can run commands on the server control it anyway, so no permission is checked.
"""

from sqlalchemy import select

from tradepost.kit.ids import new_id
from tradepost.kit.operations.service import Service
from tradepost.kit.writes.call_context import CallContext

from ..models import UserRow
from ..password_hasher import PasswordHasher
from .credential_revoker import CredentialRevoker
from .email_address import validate_email_address
from .search_index import index_user

COMMAND = "create_admin"
"""The operation in the audit entry."""


class Admins(Service):
    """Creates admins."""

    def __init__(self, context: CallContext) -> None:
        super().__init__(context)
        self.password_hasher = context.dependencies.require(PasswordHasher)
        self.revoker = CredentialRevoker(context)

    async def needs_password(self, email: str) -> bool:
        """Return whether `create_or_promote` must set a password.

        It must for a new account, and for one whose address is not verified: anybody may have
        registered that. Raise Validation if the address is invalid.
        """
        address = validate_email_address(email)
        async with self.context.database.transaction() as session:
            query = select(UserRow.email_verified_at).where(UserRow.email == address)
            user = (await session.execute(query)).first()
        return user is None or user.email_verified_at is None

    async def create_or_promote(self, email: str, password: str | None = None) -> bool:
        """Make the account with this address an active admin, and return whether it is new.

        If a password is given it is set, and all sessions and API keys of the account are revoked.
        Raise Validation if it breaks the password rules.
        """
        address = validate_email_address(email)
        if password is not None:
            self.password_hasher.check(password, "/password", user_attributes=[address])
        password_hash = await self.password_hasher.hash(password) if password is not None else None
        async with self.context.transaction():
            self.context.work.root_operation = COMMAND
            user = await self.session.scalar(select(UserRow).where(UserRow.email == address).with_for_update())
            is_new = user is None
            if user is None:
                user = UserRow(id=new_id(UserRow.__number__), email=address)
                self.session.add(user)
            user.status, user.role = "active", "admin"
            user.email_verified_at = user.email_verified_at or self.context.clock()
            if password_hash is not None:
                user.password_hash = password_hash
            await self.session.flush()
            if password_hash is not None and not is_new:
                await self.revoker.end_sessions(user.id)
                await self.revoker.revoke_api_keys(user.id)
            await index_user(self.session, user)
            self.context.emit("user.registered" if is_new else "user.role_changed", user.id, role="admin")
        return is_new
