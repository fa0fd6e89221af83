"""The problems of accounts, and details that several services share."""

from tradepost.kit.problems import Unauthenticated

RECENT_LOGIN_SECONDS = 3600
"""The maximum age of a session for an operation that needs a recent log-in."""
INVALID_CREDENTIAL_DETAIL = "The credential is malformed, unknown, expired or revoked."
WRONG_EMAIL_OR_PASSWORD_DETAIL = "The e-mail address or the password is wrong."  # noqa: S105 (a message)
WRONG_PASSWORD_DETAIL = "The password is wrong."  # noqa: S105 (a message)
INVALID_TOKEN_DETAIL = "The token is unknown, expired or already used."  # noqa: S105 (a message)


class InvalidCredentials(Unauthenticated):
    """The e-mail address and the password do not match, or the account cannot be used."""

    code, status, title = "invalid_credentials", 401, "Invalid credentials"
    cure = "Check the e-mail address and the password. If you forgot the password, set a new one (`password_reset`)."
    example = {"detail": WRONG_EMAIL_OR_PASSWORD_DETAIL}


class ReauthenticationRequired(Unauthenticated):
    """The session of this request began too long ago for this operation."""

    code, status, title = "reauthentication_required", 401, "Log in again"
    cure = (
        "Log in again (`login`) and repeat the request with the new access token. "
        "A refreshed access token is not enough: the password must have been checked recently."
    )
    example = {"detail": "The session began more than 60 minutes ago."}

    def headers(self) -> dict[str, str]:
        """Return the challenge of RFC 9470, 3, with the allowed age of a log-in in seconds."""
        return {
            "WWW-Authenticate": 'Bearer realm="tradepost", error="insufficient_user_authentication", '
            f'error_description="{self.detail}", max_age={RECENT_LOGIN_SECONDS}'
        }


class InvalidToken(Unauthenticated):
    """A refresh token, or a token from an e-mail, is unknown, expired or already used."""

    code, status, title = "invalid_token", 401, "Invalid token"
    cure = "Request a new e-mail, or log in again."
    example = {"detail": INVALID_TOKEN_DETAIL}
