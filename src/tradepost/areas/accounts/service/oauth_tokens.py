"""The OAuth 2.0 token endpoint (RFC 6749).

It issues the same tokens as `login` and `token_refresh`, and tokens for API keys.
"""

from tradepost.kit.auth.oauth_errors import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    UnsupportedGrantType,
)
from tradepost.kit.clock import now
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Unauthenticated
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..resource import token_responses
from ..schemas import GrantInput, TokenResponse
from ..tokens import AccessTokens
from .credentials import Credential, Credentials
from .email_address import normalize_email
from .errors import InvalidCredentials, InvalidToken
from .scopes import parse_scope
from .session_tokens import SessionTokens

GRANT_TYPES = ("password", "refresh_token", "client_credentials")
INVALID_CLIENT_DETAIL = "The client id or secret is wrong, or the key has expired or been revoked."


def attempted_account(input: GrantInput) -> str | None:
    """Return the account whose password is tried, or None for the other grants.

    Their secrets are 256 random bits, which cannot be guessed, and a wrong one must not lock an
    account.
    """
    return normalize_email(input.username) if input.grant_type == "password" and input.username is not None else None


class OAuthTokens(Service):
    """The token endpoint."""

    def __init__(self, context: CallContext) -> None:
        super().__init__(context)
        self.session_tokens = SessionTokens(context)
        self.access_tokens = context.dependencies.require(AccessTokens)
        self.credentials = context.dependencies.require(Credentials)

    @operation(
        "token_grant",
        "command",
        token_responses,
        access=policy.anyone,
        input=GrantInput,
        idempotent=False,
        attempted_account=attempted_account,
        problems=(InvalidRequest, InvalidClient, InvalidGrant, InvalidScope, UnsupportedGrantType),
        exclusive_to="rest",
        reason="The token endpoint is a URL that takes a form (RFC 6749, 3.2). "
        "GraphQL has `login` and `tokenRefresh`, and accepts API keys directly.",
    )
    async def grant(self, input: GrantInput, selection: Selection[TokenResponse]) -> Record[TokenResponse]:
        """Issue an OAuth 2.0 access token.

        The grant is a user's password, a refresh token, or the id and the secret of an API key
        (RFC 6749).
        """
        # A client that identifies itself is authenticated for every grant type (RFC 6749, 3.2.1).
        client = await self._authenticate_client(input) if input.client_secret is not None else None
        try:
            match input.grant_type:
                case "password":
                    response = await self._grant_password(input)
                case "refresh_token":
                    refresh_token = _required(input.refresh_token, "refresh_token")
                    response = await self.session_tokens.refresh(refresh_token, input.scope)
                case "client_credentials":
                    response = self._grant_client_credentials(client, input.scope)
                case unknown:
                    raise UnsupportedGrantType(
                        f"Unsupported grant type `{unknown}`; allowed: {', '.join(GRANT_TYPES)}."
                    )
        except (InvalidCredentials, InvalidToken) as error:
            raise InvalidGrant(error.detail) from None
        return self.respond(token_responses, response, selection)

    async def _grant_password(self, input: GrantInput) -> TokenResponse:
        username, password = _required(input.username, "username"), _required(input.password, "password")
        principal = await self.session_tokens.verify_password(username, password)
        return await self.session_tokens.start(principal, input.scope)

    def _grant_client_credentials(self, client: Credential | None, scope: str | None) -> TokenResponse:
        """Issue a token for an API key, which expires no later than the key.

        There is no refresh token, because the client has the key (RFC 6749, 4.4.3).
        """
        if client is None:
            raise InvalidClient("`client_id` and `client_secret` of an API key are required.")
        held = client.caller.permissions
        scopes = parse_scope(scope, held)
        access_token, seconds = self.access_tokens.issue(
            user=str(client.caller.id), session=None, key=client.id, scope=scopes
        )
        if client.expires_at is not None:
            seconds = min(seconds, int((client.expires_at - now()).total_seconds()))
        self.context.emit("api_key.token_granted", client.id)
        return TokenResponse(
            access_token, "Bearer", seconds, None, " ".join(sorted(held if scopes is None else scopes))
        )

    async def _authenticate_client(self, input: GrantInput) -> Credential:
        try:
            return await self.credentials.oauth_client(input.client_id or "", input.client_secret or "")
        except Unauthenticated:
            raise InvalidClient(INVALID_CLIENT_DETAIL) from None


def _required(value: str | None, name: str) -> str:
    if value is None:
        raise InvalidRequest(f"`{name}` is missing.")
    return value
