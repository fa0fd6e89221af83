"""Slugs from names: lower-case ASCII words joined by hyphens."""

import re

from .words import words

# Letters that no decomposition takes apart.
LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "\u0131": "i", "ħ": "h"}
)
LONGEST = 90


def slugify(name: str, otherwise: str) -> str:
    """The slug of a name, `otherwise` where the name has no letter that ASCII knows. It may be taken already."""
    plain = [re.sub(r"[^a-z0-9]", "", w.translate(LETTERS)) for w in words(name)]
    return "-".join([w for w in plain if w])[:LONGEST].strip("-") or otherwise


def numbered_slug(slug: str, number: int) -> str:
    """The slug itself as the first, then with `-2`, `-3`, ..."""
    return slug if number == 1 else f"{slug}-{number}"
