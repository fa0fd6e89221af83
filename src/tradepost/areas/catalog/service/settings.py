"""The settings of the catalogue."""

import msgspec


class CatalogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that the catalogue depends on.

    currency: the ISO 4217 code of all prices.
    """

    currency: str = "EUR"
