"""The rules of the accounts."""

from .addresses import Addresses
from .admins import Admins
from .api_keys import ApiKeys
from .base import AccountSettings, InvalidCredentials, InvalidToken
from .cleanup import sweep
from .credentials import SYSTEM, Credentials, credentials
from .emails import already_registered, email_changed, password_changed, password_reset, verify_email
from .oauth_tokens import Grants
from .passwords import Recovery
from .registration import Registration
from .sessions import Sessions
from .users import Users

__all__ = [
    "SYSTEM",
    "AccountSettings",
    "Addresses",
    "Admins",
    "ApiKeys",
    "Credentials",
    "Grants",
    "InvalidCredentials",
    "InvalidToken",
    "Recovery",
    "Registration",
    "Sessions",
    "Users",
    "already_registered",
    "credentials",
    "email_changed",
    "password_changed",
    "password_reset",
    "sweep",
    "verify_email",
]
