"""The errors of an OAuth 2 token endpoint. Their codes are defined in RFC 6749, 5.2."""

from ..problems import Problem


class InvalidRequest(Problem):
    """A parameter of the token request is missing, repeated or not valid."""

    code, status, title = "invalid_request", 400, "Invalid token request"
    cure = "Send the parameters that the grant requires, each once, as `application/x-www-form-urlencoded`."
    example = {"detail": "`grant_type` is missing."}


class InvalidClient(Problem):
    """The client id or secret is wrong, or the API key has expired or been revoked."""

    code, status, title = "invalid_client", 401, "Invalid client"
    cure = "Send the id and secret of a valid API key, by HTTP Basic or as `client_id` and `client_secret`."
    example = {"detail": "The client id or secret is wrong, or the key has expired or been revoked."}

    def headers(self) -> dict[str, str]:
        """Return `WWW-Authenticate`, which names the client's way to authenticate."""
        return {"WWW-Authenticate": 'Basic realm="tradepost", charset="UTF-8"'}


class InvalidGrant(Problem):
    """The password or the refresh token is not valid."""

    code, status, title = "invalid_grant", 400, "Invalid grant"
    cure = "Check the user name and the password. If a refresh token was refused, log in again."
    example = {"detail": "The e-mail address or the password is wrong."}


class UnsupportedGrantType(Problem):
    """The token endpoint does not support this grant type."""

    code, status, title = "unsupported_grant_type", 400, "Unsupported grant type"
    cure = "Use one of the grant types listed in the detail."
    example = {"detail": "Unsupported grant type `implicit`; allowed: password, refresh_token, client_credentials."}


class InvalidScope(Problem):
    """A requested scope is unknown, or the caller does not have that permission."""

    code, status, title = "invalid_scope", 400, "Invalid scope"
    cure = "Request scopes listed in the detail, or omit `scope` to get all of them."
    example = {"detail": "The scope `users:write` cannot be granted; allowed: account:read, account:write."}


OAUTH_ERRORS = (InvalidRequest, InvalidClient, InvalidGrant, UnsupportedGrantType, InvalidScope)
