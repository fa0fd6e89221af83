"""The rules of new accounts, and of the addresses that belong to them. What is answered never tells whether an address is known."""

from sqlalchemy import select

from tradepost.kit.ids import new_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.problems import AlreadyExists
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import UserRow
from ..password_hasher import PasswordHasher
from ..resource import acknowledgements
from ..schemas import Acknowledgement, EmailChangeInput, EmailVerifyInput, ReceiptStatus, RegisterInput
from .base import AccountService, InvalidCredentials, InvalidToken, normalize_email, validate_email_address
from .email_tokens import VERIFY_EMAIL, invalidate_tokens, redeem
from .search_index import index_user
from .sessions import DONE

ACCEPTED = Acknowledgement(ReceiptStatus.ACCEPTED)


class Registration(AccountService):
    """How somebody gets an account, and proves to read its mail."""

    @operation(
        "register", "command", acknowledgements, access=policy.anyone, input=RegisterInput, problems=(AlreadyExists,), status=202,
        attempted_account=lambda given: normalize_email(given.email),
    )  # fmt: skip
    async def register(self, given: RegisterInput, want: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Makes an account, which can be used at once; a letter asks its owner to verify the address. The answer is the same where the address
        has an account already, whose owner is told by a letter; a user name that is taken is refused."""
        email, passwords = validate_email_address(given.email), self.require(PasswordHasher)
        passwords.check(given.password, "/password", user_attributes=[email, given.username or ""])
        # In either case, and before this write locks anything: what is known takes as long as what is new.
        stored = await passwords.hash(given.password)
        await self.check_username(given.username)
        known = await self.session.scalar(select(UserRow.id).where(UserRow.email == email))
        # Two at once with one address: the second looks again and finds it known.
        self.context.work.generated_fields.add("email")
        async with self.session.begin_nested() as apart:
            # Where the address is known, the same is written for one that nobody can have, and taken back: it costs what a new one costs.
            made = await self.add(
                email if known is None else f"{new_id(UserRow.__number__)}@known.invalid", stored, given
            )
            if known is not None:
                await apart.rollback()
        if known is None:
            self.ask_to_verify(made, email)
            self.context.emit("user.registered", made.id)
        else:
            self.mail("already_registered", known)
            # The caller is not told, but the staff is.
            self.context.emit("user.registration_repeated", known)
        return self.respond(acknowledgements, ACCEPTED, want)

    @operation(
        "email_verify",
        "command",
        acknowledgements,
        access=policy.anyone,
        input=EmailVerifyInput,
        problems=(AlreadyExists, InvalidToken),
        attempted_account=lambda given: None,
    )
    async def verify(self, given: EmailVerifyInput, want: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Takes the token of a letter as the proof that its reader owns the address; a new address is the account's from then on."""
        user, email = await redeem(self, given.token, VERIFY_EMAIL)
        if user.email != email:
            self.mail("email_changed", user.id, email=user.email)
            user.email = email
            await index_user(self.session, user)
            # What went to the address of before is good for nothing any more.
            await invalidate_tokens(self.session, user.id)
        user.email_verified_at = self.context.clock()
        self.context.emit("user.email_verified", user.id)
        return self.respond(acknowledgements, DONE, want)

    @operation(
        "email_verification_request",
        "command",
        acknowledgements,
        access=policy.write_own_account,
        status=202,
        attempted_account=lambda given: None,
    )
    async def request_verification(self, want: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Sends the letter that asks to verify the account's address once more."""
        user = await self.owner()
        self.ask_to_verify(user, user.email)
        self.context.emit("user.email_verification_requested", user.id)
        return self.respond(acknowledgements, ACCEPTED, want)

    @operation(
        "email_change", "command", acknowledgements, access=policy.write_own_account, input=EmailChangeInput, problems=(InvalidCredentials,), status=202,
        attempted_account=lambda given: None,
    )  # fmt: skip
    async def change_email(self, given: EmailChangeInput, want: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Asks for another address. It is the account's once the letter that goes there has been answered; where it is another account's, nothing changes."""
        email = validate_email_address(given.email)
        user = await self.owner(await self.confirm(given.password))
        self.ask_to_verify(user, email)
        self.context.emit("user.email_change_requested", user.id)
        return self.respond(acknowledgements, ACCEPTED, want)

    async def check_username(self, username: str | None, mine: str | None = None) -> None:
        """Refuses a user name that somebody else has."""
        if username is None:
            return
        taken = await self.session.scalar(select(UserRow.id).where(UserRow.username == username))
        if taken is not None and taken != mine:
            raise AlreadyExists("Another account has this `username`.", field="username")

    async def add(self, email: str, stored: str, given: RegisterInput) -> UserRow:
        """A new account."""
        user = UserRow(
            id=new_id(UserRow.__number__),
            email=email,
            username=given.username,
            full_name=given.full_name,
            password_hash=stored,
        )
        self.session.add(user)
        await self.session.flush()
        await index_user(self.session, user)
        await self.session.flush()
        return user
