"""Values of members that several resources of the catalogue have. In each list some are invalid."""

from tests.parity.harness import UNKNOWN_ID

NAMES = ["", "x" * 201, "bell\u0007", "a\nb", "ok"]
SLUGS = ["No", "a--b", UNKNOWN_ID, "batch", "x" * 101, ""]
DESCRIPTIONS = ["\u0000", "x" * 20_001, "fine\n"]
ATTRIBUTES = [{"a": {"b": "\u0001"}}, {"k\u0000": 1}, {"n": 1}]
SOURCES = [{"a": "\u0085"}, None]
POSITIONS = [-1, 1_000_001, 3]
PARENT_IDS = [UNKNOWN_ID, "x", None]
BAD_PRICES = [
    {"amount": -1, "currency": "EUR"},
    {"amount": 1, "currency": "eur"},
    {"amount": 4_000_000_001, "currency": "EUR"},
    {"amount": 1, "currency": "ZZZ"},
]
PRICE = {"amount": 1, "currency": "EUR"}
