"""The first admin of a shop, made at its own machine. Whoever runs commands there owns the shop, so no policy is asked."""

from sqlalchemy import select

from tradepost.kit.ids import new_id

from ..models import UserRow
from ..password_hasher import PasswordHasher
from .base import validate_email_address
from .search_index import index_user
from .sessions import Sessions

COMMAND = "create_admin"


class Admins(Sessions):
    """Admins that the shop's own machine makes."""

    async def needs_password(self, email: str) -> bool:
        """Whether a password has to be set: for a new account, and for one whose address nobody has proved to be the owner of, because then
        anybody may have made it. 422 where this is no address."""
        address = validate_email_address(email)
        async with self.context.database.transaction() as session:
            found = (await session.execute(select(UserRow.email_verified_at).where(UserRow.email == address))).first()
        return found is None or found[0] is None

    async def create_or_promote(self, email: str, password: str | None = None) -> bool:
        """Makes the account with this address an active admin, and a new one where there is none; whether it is new. A password that is given is
        set, by the rules that all passwords keep (else 422), and ends all that was begun with the old one: sessions and API keys."""
        address, passwords = validate_email_address(email), self.require(PasswordHasher)
        if password is not None:
            passwords.check(password, "/password", user_attributes=[address])
        stored = await passwords.hash(password) if password is not None else None
        context = self.context
        async with context.transaction():
            context.work.root_operation = COMMAND
            user = await self.session.scalar(select(UserRow).where(UserRow.email == address).with_for_update())
            new = user is None
            if user is None:
                user = UserRow(id=new_id(UserRow.__number__), email=address)
                self.session.add(user)
            user.status, user.role = "active", "admin"
            user.email_verified_at = user.email_verified_at or context.clock()
            if stored is not None:
                user.password_hash = stored
            await self.session.flush()
            if stored is not None and not new:
                await self.end_all(user.id)
                await self.revoke_keys(user.id)
            await index_user(self.session, user)
            context.emit("user.registered" if new else "user.role_changed", user.id, role="admin")
        return new
