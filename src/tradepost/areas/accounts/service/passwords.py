"""The rules of passwords that are changed, and of those that were forgotten."""

from tradepost.kit.operations.operation import operation
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..password_hasher import Passwords
from ..resource import receipts
from ..schemas import PasswordChangeInput, PasswordResetConfirmInput, PasswordResetInput, Receipt
from .base import InvalidCredentials, InvalidToken, same_email
from .email_tokens import RESET, forget_letters, redeem
from .registration import ACCEPTED
from .sessions import BAD, DONE, Sessions


class Recovery(Sessions):
    """How a password becomes another one. Whoever had the old one is logged out by it."""

    @operation(
        "password_change", "act", receipts, access=policy.change_own, input=PasswordChangeInput, problems=(InvalidCredentials,), status=204, keyed=False,
        attempt=lambda given: None,
    )  # fmt: skip
    async def change(self, given: PasswordChangeInput, want: Selection[Receipt]) -> Record[Receipt]:
        """Sets another password. All other sessions of the account end; this one goes on."""
        confirmed = await self.confirm(given.current_password)
        passwords = self.use(Passwords)
        passwords.check(given.new_password, "/new_password")
        stored = await passwords.hash(given.new_password)
        user = await self.owner(confirmed)
        passwords.check(given.new_password, "/new_password", about=[user.email, user.username or ""])
        user.password_hash = stored
        await forget_letters(self.session, user.id, but=user.email)
        await self.end_all(user.id, keep=self.context.caller.session)
        self.mail("password_changed", user.id)
        self.context.emit("user.password_changed", user.id)
        return self.tell(receipts, DONE, want)

    @operation(
        "password_reset", "act", receipts, access=policy.anybody, input=PasswordResetInput, status=202, keyed=False,
        attempt=lambda given: same_email(given.email),
    )  # fmt: skip
    async def reset(self, given: PasswordResetInput, want: Selection[Receipt]) -> Record[Receipt]:
        """Sends a letter with which its reader can set a new password, where the address has an account. The answer is the same where it has none."""
        # Not even looked up: whoever sends the letter does that. So what is told of it names the letter, and no user.
        self.context.emit("password_reset.requested", self.mail("password_reset", email=same_email(given.email)))
        return self.tell(receipts, ACCEPTED, want)

    @operation(
        "password_reset_confirm", "act", receipts, access=policy.anybody, input=PasswordResetConfirmInput, problems=(InvalidToken,), status=204, keyed=False,
        attempt=lambda given: None,
    )  # fmt: skip
    async def confirm_reset(self, given: PasswordResetConfirmInput, want: Selection[Receipt]) -> Record[Receipt]:
        """Sets the password of the account that a letter was about, and ends all its sessions. Its reader owns the address, so it counts as verified; where it
        was not before, the account's API keys are revoked as well."""
        passwords = self.use(Passwords)
        passwords.check(given.new_password, "/new_password")
        stored = await passwords.hash(given.new_password)
        user, email = await redeem(self, given.token, RESET)
        if user.email != email:
            raise InvalidToken(BAD)
        passwords.check(given.new_password, "/new_password", about=[user.email, user.username or ""])
        user.password_hash = stored
        if user.email_verified_at is None:
            # Whoever made the account may have been somebody else, who must keep no way in.
            await self.revoke_keys(user.id)
            user.email_verified_at = self.context.clock()
        await forget_letters(self.session, user.id, but=user.email)
        await self.end_all(user.id)
        self.mail("password_changed", user.id)
        self.context.emit("user.password_changed", user.id)
        return self.tell(receipts, DONE, want)
