"""The services of accounts."""

from .acknowledgements import ACCEPTED
from .addresses import Addresses
from .admins import Admins
from .api_keys import ApiKeys
from .cleanup import delete_expired
from .credentials import SYSTEM, Credentials, open_credentials
from .email_address import normalize_email, validate_email_address
from .email_queue import limit_emails, queue_email
from .emails import (
    access_revoked,
    already_registered,
    email_change_requested,
    email_changed,
    password_changed,
    password_reset,
    verify_email,
)
from .errors import InvalidCredentials, InvalidToken, ReauthenticationRequired
from .oauth_tokens import OAuthTokens
from .passwords import PasswordService
from .registration import Registration
from .sessions import Sessions
from .settings import AccountSettings
from .users import Users

__all__ = [
    "ACCEPTED",
    "SYSTEM",
    "AccountSettings",
    "Addresses",
    "Admins",
    "ApiKeys",
    "Credentials",
    "InvalidCredentials",
    "InvalidToken",
    "OAuthTokens",
    "PasswordService",
    "ReauthenticationRequired",
    "Registration",
    "Sessions",
    "Users",
    "access_revoked",
    "already_registered",
    "delete_expired",
    "email_change_requested",
    "email_changed",
    "limit_emails",
    "normalize_email",
    "open_credentials",
    "password_changed",
    "password_reset",
    "queue_email",
    "validate_email_address",
    "verify_email",
]
