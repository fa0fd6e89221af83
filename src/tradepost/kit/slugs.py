"""Slugs from names: lower-case ASCII words joined by hyphens."""

import re
from collections.abc import Iterable

from .search import words

# Letters that no decomposition takes apart.
LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "\u0131": "i", "ħ": "h"})
LONGEST = 90


def slug_of(name: str, otherwise: str) -> str:
    """The slug of a name, `otherwise` where the name has no letter that ASCII knows. It may be taken already."""
    plain = [re.sub(r"[^a-z0-9]", "", w.translate(LETTERS)) for w in words(name)]
    return "-".join([w for w in plain if w])[:LONGEST].strip("-") or otherwise


def free(slug: str, taken: Iterable[str]) -> str:
    """The slug, or with `-2`, `-3`, ... where it is taken."""
    known = set(taken)
    if slug not in known:
        return slug
    number = 2
    while f"{slug}-{number}" in known:
        number += 1
    return f"{slug}-{number}"
