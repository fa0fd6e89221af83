"""The settings of the catalogue."""

import msgspec


class CatalogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that the catalogue depends on.

    currency: the ISO 4217 code of all prices.
    price_step: all prices are multiples of this many minor units. 1 unless a payment provider
        cannot charge others.
    """

    currency: str = "EUR"
    price_step: int = 1
