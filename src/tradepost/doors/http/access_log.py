"""The access log: one line per request. Lines are kept as values and written together, so that a request pays under a microsecond for its line."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

import msgspec

type Write = Callable[[bytes], object]

BATCH = 256
"""Lines that are kept at most before they are written; the porch writes what is kept four times a second."""


class AccessLogEntry(msgspec.Struct, gc=False, omit_defaults=True):
    """What is said of one request. `route` is the path's template where a route was found, `ms` its duration, `bytes` those of the body sent."""

    time: float | str
    request_id: str
    method: str
    path: str
    status: int
    ms: float
    bytes: int
    route: str | None = None
    caller: str | None = None
    event: str = ""


class AccessLog:
    """Collects lines and writes them as text or JSON."""

    __slots__ = ("entries", "format", "write")

    def __init__(self, format: Literal["text", "json"] = "text", write: Write | None = None) -> None:
        self.format, self.write, self.entries = format, write or to_stderr, list[AccessLogEntry]()

    def add(self, line: AccessLogEntry) -> None:
        """Keeps a line, and writes when there are many."""
        self.entries.append(line)
        if len(self.entries) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Writes what is kept."""
        if self.entries:
            lines, self.entries = self.entries, []
            self.write(as_json(lines) if self.format == "json" else as_text(lines))


def to_stderr(data: bytes) -> None:
    """Where the log goes unless something else is said; a closed pipe does not stop the shop."""
    try:
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()
    except (OSError, ValueError):
        pass


def as_json(lines: list[AccessLogEntry]) -> bytes:
    """One JSON object a line."""
    for line in lines:
        line.time, line.event, line.ms = moment(line.time), "request", round(line.ms, 2)
    return msgspec.json.Encoder().encode_lines(lines)


def as_text(lines: list[AccessLogEntry]) -> bytes:
    """One readable line each: time, method, path, status, duration, bytes, request id, caller."""
    said = [
        f"{moment(it.time)} {it.method} {it.path} {it.status} {it.ms:.1f} ms {it.bytes} B {it.request_id} {it.caller or '-'}\n"
        for it in lines
    ]
    return "".join(said).encode("utf-8", "backslashreplace")


def moment(seconds: float | str) -> str:
    """A time as RFC 3339 with milliseconds."""
    if isinstance(seconds, str):
        return seconds
    stamp = str(int(seconds * 1000))
    return f"{_second(stamp[:-3])}.{stamp[-3:]}Z"


@lru_cache(8)
def _second(seconds: str) -> str:
    """All of a time but its fraction: the lines of one second share it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S")


now = time.time
