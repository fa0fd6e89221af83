"""Ids: UUIDv7 whose last eight bits name the kind of row (RFC 9562, 5.7: `rand_b` is free), so that `node(id:)` asks one table."""

import re

from uuid_utils import uuid7

CANONICAL = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")


def new_id(number: int) -> str:
    """A new id of the kind with this number (0 to 255), as canonical lower-case text. Ids of one process sort by time."""
    return f"{str(uuid7())[:-2]}{number:02x}"


def type_number(id: str) -> int:
    """The number of the kind that an id names."""
    return int(id[-2:], 16)


def parse_id(text: str) -> str | None:
    """The canonical form of a UUID's 36-character text, or None where it is none."""
    return text.lower() if CANONICAL.fullmatch(text) else None
