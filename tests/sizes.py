"""The sizes of long tests: whole by `just torture`, a part of it by `just test`."""

import os

FULL_SIZE = os.environ.get("TRADEPOST_TORTURE") == "1"


def scaled(full: int, part: int = 10) -> int:
    """Return the size of a test: `full` by `just torture`, otherwise `full / part`."""
    return full if FULL_SIZE else max(full // part, 1)
