"""Countries: ISO 3166-1 alpha-2 codes."""

from functools import cache

from babel import Locale

from ..problems import Fault

# CLDR has other two-letter codes too: groups of countries, private use, exceptional reservations.
NOT_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ", "AC", "CP", "DG", "EA", "IC", "TA", "CQ"})


@cache
def country_codes() -> frozenset[str]:
    """Return the codes of all countries, from CLDR."""
    territories = [str(code) for code in Locale("en").territories]
    return frozenset([code for code in territories if len(code) == 2 and code.isalpha()]) - NOT_COUNTRIES


def is_country(code: str) -> bool:
    """Whether a code in capital letters is that of a country."""
    return code in country_codes()


def country_faults(code: str, pointer: str) -> list[Fault]:
    """Return the fault of a code that is no country, or an empty list."""
    if is_country(code):
        return []
    detail = f"`{code}` is not an ISO 3166-1 country code. Example: `DK`."
    return [Fault(code="not_allowed", detail=detail, pointer=pointer)]
