"""The refusals of an OAuth2 token endpoint (RFC 6749, 5.2). Their codes are the RFC's; the door that speaks it writes them as it says."""

from typing import Any

from ..problems import Problem


def _example(detail: str) -> dict[str, Any]:
    return {"detail": detail}


class InvalidRequest(Problem):
    """A parameter of the token request is missing, comes twice, or cannot be read."""

    code, status, title = "invalid_request", 400, "The token request is not valid"
    cure = "Send the parameters that the grant needs, each once, as `application/x-www-form-urlencoded` in the body."
    example = _example("`grant_type` is missing.")


class InvalidClient(Problem):
    """The client's id and secret do not belong together, or the client is let in no more."""

    code, status, title = "invalid_client", 401, "The client is not known"
    cure = "Send the id and the secret of an API key that is good, by HTTP Basic or as `client_id` and `client_secret`."
    example = _example("The client's id and secret do not belong together, or the key is expired or revoked.")

    def headers(self) -> dict[str, str]:
        """RFC 6749, 5.2: how a client may say who it is."""
        return {"WWW-Authenticate": 'Basic realm="tradepost", charset="UTF-8"'}


class InvalidGrant(Problem):
    """The password or the refresh token is not good."""

    code, status, title = "invalid_grant", 400, "The grant is not good"
    cure = "Check the user name and the password; where a refresh token was refused, begin a new session."
    example = _example("The e-mail address or the password is not right.")


class UnsupportedGrantType(Problem):
    """The token endpoint knows no grant of this name."""

    code, status, title = "unsupported_grant_type", 400, "There is no such grant"
    cure = "Use one of the grants that the detail names."
    example = _example("`implicit` is no grant here; allowed: password, refresh_token, client_credentials.")


class InvalidScope(Problem):
    """A scope that is asked for is unknown, or more than whoever asks holds."""

    code, status, title = "invalid_scope", 400, "The scope cannot be given"
    cure = "Ask for permissions that the detail names, or leave `scope` out for all of them."
    example = _example("`users:write` cannot be given; allowed: account:read, account:write.")


OAUTH_ERRORS = (InvalidRequest, InvalidClient, InvalidGrant, UnsupportedGrantType, InvalidScope)
