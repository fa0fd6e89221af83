"""The rules of the accounts."""

from .account import AccountSettings, InvalidCredentials, InvalidToken
from .addresses import Addresses
from .admins import Admins
from .api_keys import ApiKeys
from .credentials import SYSTEM, Credentials, credentials
from .grants import Grants
from .letters import already_registered, email_changed, password_changed, password_reset, verify_email
from .recovery import Recovery
from .registration import Registration
from .sessions import Sessions
from .sweeping import sweep
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
