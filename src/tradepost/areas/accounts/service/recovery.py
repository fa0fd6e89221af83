"""The rules of passwords that are changed, and of those that were forgotten."""

from sqlalchemy import delete

from tradepost.kit.operation import operation
from tradepost.kit.records import Record
from tradepost.kit.selection import Selection

from .. import policy
from ..models import MailedTokenRow, UserRow
from ..passwords import Passwords
from ..resource import receipts
from ..schemas import PasswordChangeInput, PasswordResetConfirmInput, PasswordResetInput, Receipt
from .account import InvalidCredentials, InvalidToken, same_email
from .mailed import RESET, redeem
from .registration import ACCEPTED
from .sessions import DONE, Sessions


class Recovery(Sessions):
    """How a password becomes another one. Whoever had the old one is logged out by it."""

    @operation(
        "password_change", "act", receipts, access=policy.change_own, input=PasswordChangeInput, problems=(InvalidCredentials,), status=204, keyed=False,
        attempt=lambda given: None,
    )  # fmt: skip
    async def change(self, given: PasswordChangeInput, want: Selection[Receipt]) -> Record[Receipt]:
        """Sets another password. All other sessions of the account end; this one goes on."""
        await self.confirm(given.current_password)
        passwords = self.use(Passwords)
        passwords.check(given.new_password, "/new_password")
        stored = await passwords.hash(given.new_password)
        user = await self.owner()
        passwords.check(given.new_password, "/new_password", about=[user.email, user.username or ""])
        user.password_hash = stored
        await self.end_all(user.id, keep=self.context.caller.session)
        self.context.announce("user.password_changed", user.id)
        return self.tell(receipts, DONE, want)

    @operation(
        "password_reset", "act", receipts, access=policy.anybody, input=PasswordResetInput, status=202, keyed=False,
        attempt=lambda given: same_email(given.email),
    )  # fmt: skip
    async def reset(self, given: PasswordResetInput, want: Selection[Receipt]) -> Record[Receipt]:
        """Sends a letter with which its reader can set a new password, where the address has an account. The answer is the same where it has none."""
        # Not even looked up: whoever sends the letter does that. So what is told of it names the letter, and no user.
        self.context.announce("password_reset.requested", self.mail("password_reset", email=same_email(given.email)))
        return self.tell(receipts, ACCEPTED, want)

    @operation(
        "password_reset_confirm", "act", receipts, access=policy.anybody, input=PasswordResetConfirmInput, problems=(InvalidToken,), status=204, keyed=False,
        attempt=lambda given: None,
    )  # fmt: skip
    async def confirm_reset(self, given: PasswordResetConfirmInput, want: Selection[Receipt]) -> Record[Receipt]:
        """Sets the password of the account that a letter was about, and ends all its sessions. Its reader owns the address, so it counts as verified."""
        passwords = self.use(Passwords)
        passwords.check(given.new_password, "/new_password")
        stored = await passwords.hash(given.new_password)
        token = await redeem(self, given.token, RESET)
        user = await self.session.get_one(UserRow, token.user, with_for_update=True)
        passwords.check(given.new_password, "/new_password", about=[user.email, user.username or ""])
        user.password_hash = stored
        if user.email == token.email and user.email_verified_at is None:
            user.email_verified_at = self.context.clock()
        await self.session.execute(delete(MailedTokenRow).where(MailedTokenRow.user_id == user.id, MailedTokenRow.purpose == RESET))
        await self.end_all(user.id)
        self.context.announce("user.password_changed", user.id)
        return self.tell(receipts, DONE, want)
