"""Registration, and the verification of e-mail addresses.

No response reveals whether an address has an account.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradepost.kit.ids import new_id
from tradepost.kit.operations.operation import ATTEMPT_POINTS, operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import AlreadyExists
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..email_limits import OTHER
from ..models import UserRow
from ..opaque_tokens import OpaqueTokens
from ..password_hasher import PasswordHasher
from ..resource import acknowledgements
from ..schemas import Acknowledgement, EmailChangeInput, EmailVerifyInput, RegisterInput
from .acknowledgements import ACCEPTED, DONE
from .credential_revoker import CredentialRevoker
from .email_address import normalize_email, validate_email_address
from .email_queue import is_email_allowed, limit_emails, queue_email, queue_verification_email
from .email_tokens import VERIFY_EMAIL, invalidate_tokens, redeem
from .errors import InvalidCredentials, InvalidToken
from .own_account import confirm_password, lock_own_account
from .search_index import index_user


class Registration(Service):
    """Registers users, and verifies and changes their e-mail addresses."""

    def __init__(self, context: CallContext) -> None:
        super().__init__(context)
        self.password_hasher = context.dependencies.require(PasswordHasher)
        self.opaque_tokens = context.dependencies.require(OpaqueTokens)
        self.revoker = CredentialRevoker(context)

    @operation(
        "register",
        "command",
        acknowledgements,
        access=policy.anyone,
        input=RegisterInput,
        problems=(AlreadyExists,),
        status=202,
        attempted_account=lambda input: normalize_email(input.email),
    )
    async def register(self, input: RegisterInput, selection: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Create an account.

        It can be used at once; an e-mail asks to verify the address. If the address already has
        an account, the response is the same, and its owner is informed by e-mail. A username that
        is taken is rejected.
        """
        email = validate_email_address(input.email)
        self.password_hasher.check(input.password, "/password", user_attributes=[email, input.username or ""])
        # Hashed in either case, so that a known address takes as long as a new one, and before
        # this write locks anything.
        password_hash = await self.password_hasher.hash(input.password)
        await check_username(self.session, input.username)
        existing_id = await self.session.scalar(select(UserRow.id).where(UserRow.email == email))
        # If the same address is registered twice at once, the second write is retried and then
        # finds the account.
        self.context.work.generated_fields.add("email")
        async with self.session.begin_nested() as savepoint:
            # For a known address, insert an account that nobody can use and roll it back, so that
            # it takes as long as a new one.
            stored_email = email if existing_id is None else f"{new_id(UserRow.__number__)}@known.invalid"
            user = await self._insert_user(stored_email, password_hash, input)
            if existing_id is not None:
                await savepoint.rollback()
        may_send_email = await is_email_allowed(self.context, OTHER, email)
        if existing_id is None:
            if may_send_email:
                queue_verification_email(self.context, self.opaque_tokens, user, email)
            self.context.emit("user.registered", user.id)
        else:
            if may_send_email:
                queue_email(self.context, "already_registered", existing_id)
            # Hidden from the caller, but visible to staff.
            self.context.emit("user.registration_repeated", existing_id)
        return self.respond(acknowledgements, ACCEPTED, selection)

    @operation(
        "email_verify",
        "command",
        acknowledgements,
        access=policy.anyone,
        input=EmailVerifyInput,
        problems=(AlreadyExists, InvalidToken),
        checks_token=True,
    )
    async def verify(self, input: EmailVerifyInput, selection: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Verify an e-mail address.

        Send the token from the e-mail. If the address was requested by `email_change`, it now
        becomes the address of the account. When an address is verified for the first time, all
        sessions and API keys of the account end, because another person may have registered it;
        an e-mail lists them. They stay if the request has the access token of a session of the
        account.
        """
        token_hash = self.opaque_tokens.digest(input.token)
        user, email = await redeem(self.session, token_hash, VERIFY_EMAIL, self.context.clock())
        is_first_time = user.email_verified_at is None or user.email != email
        if user.email != email:
            queue_email(self.context, "email_changed", user.id, email=user.email)
            user.email = email
            await index_user(self.session, user)
            # Tokens that were sent to the previous address must not work any more.
            await invalidate_tokens(self.session, user.id)
        user.email_verified_at = self.context.clock()
        if is_first_time and not self._is_session_of(user.id):
            revoked = await self.revoker.revoke_all(user.id)
            if revoked:
                queue_email(
                    self.context, "access_revoked", user.id, sessions=revoked.sessions, api_keys=revoked.api_keys
                )
        self.context.emit("user.email_verified", user.id)
        return self.respond(acknowledgements, DONE, selection)

    @operation(
        "email_verification_request",
        "command",
        acknowledgements,
        access=policy.write_own_account,
        status=202,
        points=ATTEMPT_POINTS,
    )
    async def request_verification(self, selection: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Request another e-mail to verify your address."""
        user = await lock_own_account(self.context, self.session)
        await limit_emails(self.context, OTHER, user.email)
        queue_verification_email(self.context, self.opaque_tokens, user, user.email)
        self.context.emit("user.email_verification_requested", user.id)
        return self.respond(acknowledgements, ACCEPTED, selection)

    @operation(
        "email_change",
        "command",
        acknowledgements,
        access=policy.write_own_account,
        input=EmailChangeInput,
        problems=(InvalidCredentials,),
        status=202,
        attempted_account=lambda input: None,
    )
    async def change_email(
        self, input: EmailChangeInput, selection: Selection[Acknowledgement]
    ) -> Record[Acknowledgement]:
        """Request a change of your e-mail address.

        An e-mail is sent to the new address. The change takes effect once the address is verified
        with it. If another account has the address, nothing changes. The current address gets a
        notice that says how to stop the change.
        """
        email = validate_email_address(input.email)
        confirmed_hash = await confirm_password(self.context, self.password_hasher, input.password)
        user = await lock_own_account(self.context, self.session, confirmed_hash)
        await limit_emails(self.context, OTHER, email)
        if email != user.email:
            queue_email(self.context, "email_change_requested", user.id, email=user.email, new_email=email)
        queue_verification_email(self.context, self.opaque_tokens, user, email)
        self.context.emit("user.email_change_requested", user.id)
        return self.respond(acknowledgements, ACCEPTED, selection)

    def _is_session_of(self, user_id: str) -> bool:
        """Whether the caller is logged in to this account.

        Only the person who knows the password is, so the address and the account have one owner.
        An API key does not count: it may have been passed on.
        """
        return self.context.caller.session_id is not None and self.context.caller.id == user_id

    async def _insert_user(self, email: str, password_hash: str, input: RegisterInput) -> UserRow:
        user = UserRow(
            id=new_id(UserRow.__number__),
            email=email,
            username=input.username,
            full_name=input.full_name,
            password_hash=password_hash,
        )
        self.session.add(user)
        await self.session.flush()
        await index_user(self.session, user)
        await self.session.flush()
        return user


async def check_username(session: AsyncSession, username: str | None, user_id: str | None = None) -> None:
    """Raise AlreadyExists if a username belongs to another user than `user_id`."""
    if username is None:
        return
    holder_id = await session.scalar(select(UserRow.id).where(UserRow.username == username))
    if holder_id is not None and holder_id != user_id:
        raise AlreadyExists("Another account has this `username`.", field="username")
