"""Whether two answers say the same, member by member."""

from typing import Any


def first_difference(a: Any, b: Any, at: str = "") -> str:
    """Where two answers first differ, or nothing."""
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return f"{at}: members {sorted(a.keys() ^ b.keys())}"
        return next((found for key in a if (found := first_difference(a[key], b[key], f"{at}/{key}"))), "")
    if isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            return f"{at}: {len(b)} of {len(a)}"
        return next(
            (
                found
                for i, (x, y) in enumerate(zip(a, b, strict=True))
                if (found := first_difference(x, y, f"{at}/{i}"))
            ),
            "",
        )
    return "" if a == b else f"{at}: {str(b)[:60]!r} in place of {str(a)[:60]!r}"
