"""What will go: announced by `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a link to what to do instead."""

from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec


class Deprecation(msgspec.Struct, frozen=True):
    """Something deprecated: since when, until when it works, and where that is explained."""

    since: datetime
    until: datetime
    explained: str

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The two headers."""
        return [
            (b"deprecation", f"@{int(self.since.timestamp())}".encode()),
            (b"sunset", format_datetime(self.until, usegmt=True).encode()),
        ]

    def link(self) -> bytes:
        """A member of the `Link` header."""
        return f'<{self.explained}>; rel="deprecation"'.encode()


PAGE_NUMBERS = Deprecation(datetime(2026, 11, 21, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC), "/docs")
