"""The settings of accounts."""

import msgspec


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that accounts depend on.

    refresh_token_days: days that a session lasts after its last use.
    session_days: days that a session lasts at most, however often it is used.
    storefront_url: the base of links in e-mails; None: the pages of this server (`pages.py`).
    public_url: the base URL of this server.
    """

    refresh_token_days: int = 30
    session_days: int = 90
    storefront_url: str | None = None
    public_url: str = "http://127.0.0.1:8000"
