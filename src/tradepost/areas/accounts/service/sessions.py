"""Sessions: log-in, refresh and log-out."""

from sqlalchemy import update

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Forbidden
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import SessionRow
from ..resource import acknowledgements, token_pairs
from ..schemas import Acknowledgement, LoginInput, RefreshInput, TokenPair, TokenResponse
from .acknowledgements import DONE
from .credential_revoker import CredentialRevoker
from .email_address import normalize_email
from .errors import InvalidCredentials, InvalidToken
from .own_account import lock_own_account
from .session_tokens import SessionTokens


class Sessions(Service):
    """The sessions of users."""

    def __init__(self, context: CallContext) -> None:
        super().__init__(context)
        self.session_tokens = SessionTokens(context)
        self.revoker = CredentialRevoker(context)

    @operation(
        "login",
        "command",
        token_pairs,
        access=policy.anyone,
        input=LoginInput,
        problems=(InvalidCredentials,),
        idempotent=False,
        attempted_account=lambda input: normalize_email(input.email),
    )
    async def login(self, input: LoginInput, selection: Selection[TokenPair]) -> Record[TokenPair]:
        """Log in with an e-mail address and a password.

        Attempts that fail are limited per account and client address.
        """
        # Verified before the first statement of this write, so that nothing is locked during the
        # slow hash.
        principal = await self.session_tokens.verify_password(input.email, input.password)
        return self.respond(token_pairs, _token_pair(await self.session_tokens.start(principal)), selection)

    @operation(
        "token_refresh",
        "command",
        token_pairs,
        access=policy.anyone,
        input=RefreshInput,
        problems=(InvalidToken,),
        idempotent=False,
        checks_token=True,
    )
    async def refresh(self, input: RefreshInput, selection: Selection[TokenPair]) -> Record[TokenPair]:
        """Exchange a refresh token for the next pair of tokens.

        A refresh token can be used once. Within 10 seconds it can be sent again, as if the answer
        was lost, and gets the same next refresh token. Later it ends the session, because it may
        have been stolen. A session ends after 90 days (`SESSION_DAYS`), however often it is used.
        """
        return self.respond(token_pairs, _token_pair(await self.session_tokens.refresh(input.refresh_token)), selection)

    @operation("logout", "command", acknowledgements, access=policy.read_own_account, status=204, idempotent=False)
    async def logout(self, selection: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Log out. The session of the access token ends, and its tokens stop working at once."""
        session_id = self.context.caller.session_id
        if session_id is None:
            raise Forbidden("This request was made with an API key, which has no session. Delete the key instead.")
        await self.session.execute(
            update(SessionRow).where(SessionRow.id == session_id).values(revoked_at=self.context.clock())
        )
        self.revoker.publish_after_commit(session=session_id)
        self.context.emit("session.ended", session_id)
        return self.respond(acknowledgements, DONE, selection)

    @operation(
        "logout_everywhere", "command", acknowledgements, access=policy.write_own_account, status=204, idempotent=False
    )
    async def logout_everywhere(self, selection: Selection[Acknowledgement]) -> Record[Acknowledgement]:
        """Log out everywhere. All your sessions end, including this one. API keys stay valid."""
        user = await lock_own_account(self.context, self.session)
        await self.revoker.end_sessions(user.id)
        self.context.emit("user.logged_out", user.id)
        return self.respond(acknowledgements, DONE, selection)


def _token_pair(response: TokenResponse) -> TokenPair:
    return TokenPair(
        access_token=response.access_token,
        token_type=response.token_type,
        expires_in=response.expires_in,
        refresh_token=response.refresh_token or "",
    )
