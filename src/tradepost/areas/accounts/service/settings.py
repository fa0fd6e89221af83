"""The settings of accounts."""

import msgspec


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that accounts depend on.

    refresh_token_days: days that a session lasts after its last use.
    storefront_url: the base of links in e-mails.
    """

    refresh_token_days: int = 30
    storefront_url: str = "http://127.0.0.1:8000"
