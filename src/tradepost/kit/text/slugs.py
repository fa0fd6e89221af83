"""Slugs: lower-case ASCII words joined by hyphens."""

import re

from .words import words

# Letters that Unicode does not decompose into an ASCII letter and a combining mark.
ASCII_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "\u0131": "i", "ħ": "h"}
)
MAX_LENGTH = 90
RESERVED_SLUGS = frozenset({"batch", "import", "export"})
"""Path segments at the place of a slug, such as `/products/batch`."""


def slugify(name: str, default: str) -> str:
    """Return the slug of a name, or `default` if the name has no ASCII letter or digit.

    The slug may already be taken.
    """
    ascii_words = [re.sub(r"[^a-z0-9]", "", word.translate(ASCII_LETTERS)) for word in words(name)]
    return "-".join([word for word in ascii_words if word])[:MAX_LENGTH].strip("-") or default


def numbered_slug(slug: str, number: int) -> str:
    """Return the slug for number 1, else the slug with `-2`, `-3`, ... appended."""
    return slug if number == 1 else f"{slug}-{number}"
