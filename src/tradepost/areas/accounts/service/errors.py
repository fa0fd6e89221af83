"""The problems of accounts, and details that several services share."""

from tradepost.kit.problems import Unauthenticated

INVALID_CREDENTIAL_DETAIL = "The credential is malformed, unknown, expired or revoked."
WRONG_EMAIL_OR_PASSWORD_DETAIL = "The e-mail address or the password is wrong."  # noqa: S105 (a message)
WRONG_PASSWORD_DETAIL = "The password is wrong."  # noqa: S105 (a message)
INVALID_TOKEN_DETAIL = "The token is unknown, expired or already used."  # noqa: S105 (a message)


class InvalidCredentials(Unauthenticated):
    """The e-mail address and the password do not match, or the account cannot be used."""

    code, status, title = "invalid_credentials", 401, "Invalid credentials"
    cure = "Check the e-mail address and the password. If you forgot the password, set a new one (`password_reset`)."
    example = {"detail": WRONG_EMAIL_OR_PASSWORD_DETAIL}


class InvalidToken(Unauthenticated):
    """A refresh token, or a token from an e-mail, is unknown, expired or already used."""

    code, status, title = "invalid_token", 401, "Invalid token"
    cure = "Request a new e-mail, or log in again."
    example = {"detail": INVALID_TOKEN_DETAIL}
