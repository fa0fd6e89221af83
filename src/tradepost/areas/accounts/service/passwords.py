"""Passwords: change and reset."""

from tradepost.kit.operations.operation import ATTEMPT_POINTS, operation
from tradepost.kit.operations.service import Service
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..email_limits import PASSWORD_RESET
from ..opaque_tokens import OpaqueTokens
from ..password_hasher import PasswordHasher
from ..resource import acknowledgements
from ..schemas import Acknowledgement, PasswordChangeInput, PasswordResetConfirmInput, PasswordResetInput
from .acknowledgements import ACCEPTED, DONE
from .credential_revoker import CredentialRevoker
from .email_address import normalize_email
from .email_queue import limit_emails, queue_email
from .email_tokens import RESET_PASSWORD, invalidate_tokens, redeem
from .errors import INVALID_TOKEN_DETAIL, InvalidCredentials, InvalidToken
from .own_account import confirm_password, lock_own_account


class PasswordService(Service):
    """Changes and resets passwords.

    A change ends the other sessions, a reset ends all sessions and API keys.
    """

    def __init__(self, context: CallContext) -> None:
        super().__init__(context)
        self.password_hasher = context.dependencies.require(PasswordHasher)
        self.opaque_tokens = context.dependencies.require(OpaqueTokens)
        self.revoker = CredentialRevoker(context)

    @operation(
        "password_change",
        "command",
        acknowledgements,
        access=policy.write_own_account,
        input=PasswordChangeInput,
        problems=(InvalidCredentials,),
        status=204,
        idempotent=False,
        attempted_account=lambda input: None,
    )
    async def change(
        self, input: PasswordChangeInput, selection: Selection[Acknowledgement]
    ) -> Record[Acknowledgement]:
        """Change your password. All other sessions of your account end; this one continues."""
        confirmed_hash = await confirm_password(self.context, self.password_hasher, input.current_password)
        self.password_hasher.check(input.new_password, "/new_password")
        new_hash = await self.password_hasher.hash(input.new_password)
        user = await lock_own_account(self.context, self.session, confirmed_hash)
        self.password_hasher.check(
            input.new_password, "/new_password", user_attributes=[user.email, user.username or ""]
        )
        user.password_hash = new_hash
        await invalidate_tokens(self.session, user.id, except_email=user.email)
        sessions = await self.revoker.end_sessions(user.id, except_session=self.context.caller.session_id)
        queue_email(self.context, "password_changed", user.id, sessions=sessions, api_keys=[])
        self.context.emit("user.password_changed", user.id)
        return self.respond(acknowledgements, DONE, selection)

    @operation(
        "password_reset",
        "command",
        acknowledgements,
        access=policy.anyone,
        input=PasswordResetInput,
        status=202,
        idempotent=False,
        points=ATTEMPT_POINTS,
    )
    async def reset(self, input: PasswordResetInput, selection: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Request a password reset.

        If the address has an account, an e-mail with a link to set a new password is sent to it.
        The response is the same if it has none. The number of these e-mails per address is limited.
        """
        email = normalize_email(input.email)
        # Failed log-ins are no reason to refuse a reset: it is the way out of them.
        await limit_emails(self.context, PASSWORD_RESET, email)
        # The address is looked up when the e-mail is sent, so the response time does not depend on
        # it either. For the same reason the event names the e-mail, not the user.
        email_id = queue_email(self.context, "password_reset", email=email)
        self.context.emit("password_reset.requested", email_id)
        return self.respond(acknowledgements, ACCEPTED, selection)

    @operation(
        "password_reset_confirm",
        "command",
        acknowledgements,
        access=policy.anyone,
        input=PasswordResetConfirmInput,
        problems=(InvalidToken,),
        status=204,
        idempotent=False,
        checks_token=True,
    )
    async def confirm_reset(
        self, input: PasswordResetConfirmInput, selection: Selection[Acknowledgement]
    ) -> Record[Acknowledgement]:
        """Complete a password reset.

        Send the token from the e-mail and a new password. All sessions and API keys of the account
        end; an e-mail lists them. The token also verifies the e-mail address.
        """
        self.password_hasher.check(input.new_password, "/new_password")
        new_hash = await self.password_hasher.hash(input.new_password)
        token_hash = self.opaque_tokens.digest(input.token)
        user, email = await redeem(self.session, token_hash, RESET_PASSWORD, self.context.clock())
        if user.email != email:
            raise InvalidToken(INVALID_TOKEN_DETAIL)
        self.password_hasher.check(
            input.new_password, "/new_password", user_attributes=[user.email, user.username or ""]
        )
        user.password_hash = new_hash
        user.email_verified_at = user.email_verified_at or self.context.clock()
        await invalidate_tokens(self.session, user.id, except_email=user.email)
        # Another person may have registered the address, or know the old password, and must not
        # keep access by a key made with it.
        revoked = await self.revoker.revoke_all(user.id)
        queue_email(self.context, "password_changed", user.id, sessions=revoked.sessions, api_keys=revoked.api_keys)
        self.context.emit("user.password_changed", user.id)
        return self.respond(acknowledgements, DONE, selection)
