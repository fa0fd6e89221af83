"""The rules of passwords that are changed, and of those that were forgotten."""

from tradepost.kit.operations.operation import operation
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..password_hasher import PasswordHasher
from ..resource import acknowledgements
from ..schemas import Acknowledgement, PasswordChangeInput, PasswordResetConfirmInput, PasswordResetInput
from .base import InvalidCredentials, InvalidToken, normalize_email
from .email_tokens import RESET_PASSWORD, invalidate_tokens, redeem
from .registration import ACCEPTED
from .sessions import BAD, DONE, Sessions


class PasswordService(Sessions):
    """How a password becomes another one. Whoever had the old one is logged out by it."""

    @operation(
        "password_change", "command", acknowledgements, access=policy.write_own_account, input=PasswordChangeInput, problems=(InvalidCredentials,), status=204, idempotent=False,
        attempted_account=lambda given: None,
    )  # fmt: skip
    async def change(self, given: PasswordChangeInput, want: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Sets another password. All other sessions of the account end; this one goes on."""
        confirmed = await self.confirm(given.current_password)
        passwords = self.require(PasswordHasher)
        passwords.check(given.new_password, "/new_password")
        stored = await passwords.hash(given.new_password)
        user = await self.owner(confirmed)
        passwords.check(given.new_password, "/new_password", user_attributes=[user.email, user.username or ""])
        user.password_hash = stored
        await invalidate_tokens(self.session, user.id, but=user.email)
        await self.end_all(user.id, keep=self.context.caller.session_id)
        self.mail("password_changed", user.id)
        self.context.emit("user.password_changed", user.id)
        return self.respond(acknowledgements, DONE, want)

    @operation(
        "password_reset", "command", acknowledgements, access=policy.anyone, input=PasswordResetInput, status=202, idempotent=False,
        attempted_account=lambda given: normalize_email(given.email),
    )  # fmt: skip
    async def reset(self, given: PasswordResetInput, want: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Sends a letter with which its reader can set a new password, where the address has an account. The answer is the same where it has none."""
        # Not even looked up: whoever sends the letter does that. So what is told of it names the letter, and no user.
        self.context.emit("password_reset.requested", self.mail("password_reset", email=normalize_email(given.email)))
        return self.respond(acknowledgements, ACCEPTED, want)

    @operation(
        "password_reset_confirm", "command", acknowledgements, access=policy.anyone, input=PasswordResetConfirmInput, problems=(InvalidToken,), status=204, idempotent=False,
        attempted_account=lambda given: None,
    )  # fmt: skip
    async def confirm_reset(
        self, given: PasswordResetConfirmInput, want: Selection[Acknowledgement]
    ) -> Record[Acknowledgement]:
        """Sets the password of the account that a letter was about, and ends all its sessions. Its reader owns the address, so it counts as verified; where it
        was not before, the account's API keys are revoked as well."""
        passwords = self.require(PasswordHasher)
        passwords.check(given.new_password, "/new_password")
        stored = await passwords.hash(given.new_password)
        user, email = await redeem(self, given.token, RESET_PASSWORD)
        if user.email != email:
            raise InvalidToken(BAD)
        passwords.check(given.new_password, "/new_password", user_attributes=[user.email, user.username or ""])
        user.password_hash = stored
        if user.email_verified_at is None:
            # Whoever made the account may have been somebody else, who must keep no way in.
            await self.revoke_keys(user.id)
            user.email_verified_at = self.context.clock()
        await invalidate_tokens(self.session, user.id, but=user.email)
        await self.end_all(user.id)
        self.mail("password_changed", user.id)
        self.context.emit("user.password_changed", user.id)
        return self.respond(acknowledgements, DONE, want)
