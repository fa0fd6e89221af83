"""Deprecated features, announced by `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a link."""

from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec


class Deprecation(msgspec.Struct, frozen=True):
    """When a feature was deprecated, when it stops working, and where that is documented."""

    since: datetime
    sunset: datetime
    docs_path: str

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers `Deprecation` and `Sunset`."""
        return [
            (b"deprecation", f"@{int(self.since.timestamp())}".encode()),
            (b"sunset", format_datetime(self.sunset, usegmt=True).encode()),
        ]

    def link(self) -> bytes:
        """Return the member of the `Link` header that leads to the documentation."""
        return f'<{self.docs_path}>; rel="deprecation"'.encode()


PAGE_NUMBERS = Deprecation(datetime(2026, 11, 21, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC), "/docs")
