"""The grants of OAuth2 (RFC 6749): the same sessions as by `login` and `token_refresh`, and tokens for API keys."""

from tradepost.kit.auth.oauth_errors import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    UnsupportedGrantType,
)
from tradepost.kit.clock import now
from tradepost.kit.operations.operation import operation
from tradepost.kit.problems import Unauthenticated
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..resource import token_responses
from ..schemas import GrantInput, TokenResponse
from ..tokens import AccessTokens
from .base import InvalidCredentials, InvalidToken, normalize_email
from .credentials import Credential, Credentials
from .scopes import narrowed
from .sessions import Sessions

GRANTS = ("password", "refresh_token", "client_credentials")
REFUSED = "The client's id and secret do not belong together, or the key is expired or revoked."


def tried(given: GrantInput) -> str | None:
    """The account whose password is tried. The other secrets are 256 random bits: nobody guesses them, and nobody shall be shut out by wrong ones."""
    return normalize_email(given.username) if given.grant_type == "password" and given.username is not None else None


class OAuthTokens(Sessions):
    """What the token endpoint gives."""

    @operation(
        "token_grant", "command", token_responses, access=policy.anyone, input=GrantInput, idempotent=False, attempted_account=tried,
        problems=(InvalidRequest, InvalidClient, InvalidGrant, InvalidScope, UnsupportedGrantType),
        exclusive_to="rest", reason="a token endpoint is a path that takes a form (RFC 6749, 3.2); GraphQL has `login` and `tokenRefresh`, and takes API keys as they are",
    )  # fmt: skip
    async def grant(self, given: GrantInput, want: Selection[TokenResponse]) -> Record[TokenResponse]:
        """The OAuth2 token endpoint: an access token for a user's password, a refresh token, or the id and secret of an API key."""
        # A client that says who it is has to be right, whatever it asks for (RFC 6749, 3.2.1).
        client = await self.client(given) if given.client_secret is not None else None
        try:
            match given.grant_type:
                case "password":
                    made = await self.of_password(given)
                case "refresh_token":
                    made = await self.continued(needed(given.refresh_token, "refresh_token"), given.scope)
                case "client_credentials":
                    made = await self.of_client(client, given.scope)
                case unknown:
                    raise UnsupportedGrantType(f"`{unknown}` is no grant here; allowed: {', '.join(GRANTS)}.")
        except (InvalidCredentials, InvalidToken) as refused:
            raise InvalidGrant(refused.detail) from None
        return self.respond(token_responses, made, want)

    async def of_password(self, given: GrantInput) -> TokenResponse:
        """A session by an address and a password."""
        user = await self.checked(needed(given.username, "username"), needed(given.password, "password"))
        return await self.begin(user, given.scope)

    async def of_client(self, found: Credential | None, scope: str | None) -> TokenResponse:
        """A token that may what an API key may, as long as that is good; there is none to go on with, because the key is at hand."""
        if found is None:
            raise InvalidClient("`client_id` and `client_secret` are needed: those of an API key.")
        caller = found.caller
        scopes = narrowed(caller.permissions, scope)
        access, seconds = self.require(AccessTokens).issue(
            user=str(caller.id), session=None, key=found.id, scope=scopes
        )
        if found.expires_at is not None:
            seconds = min(seconds, int((found.expires_at - now()).total_seconds()))
        self.context.emit("api_key.token_granted", found.id)
        return TokenResponse(
            access, "Bearer", seconds, None, " ".join(sorted(caller.permissions if scopes is None else scopes))
        )

    async def client(self, given: GrantInput) -> Credential:
        """The API key that a client says it is."""
        try:
            return await self.require(Credentials).oauth_client(given.client_id or "", given.client_secret or "")
        except Unauthenticated:
            raise InvalidClient(REFUSED) from None


def needed(value: str | None, name: str) -> str:
    """A parameter that this grant cannot do without."""
    if value is None:
        raise InvalidRequest(f"`{name}` is missing.")
    return value
