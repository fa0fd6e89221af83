"""The access log: one entry per request.

Entries are formatted and written in batches, so that logging costs a request under a microsecond.
"""

import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

import msgspec

type Write = Callable[[bytes], object]

MAX_NAMES, MAX_NAME = 10, 60
"""The names of one kind in an entry, and the characters of an operation's name."""
BATCH_SIZE = 256
"""Entries that are buffered at most; the pipeline flushes them four times a second."""


class GraphQLLogEntry(msgspec.Struct, gc=False, omit_defaults=True):
    """What a GraphQL request did, because all GraphQL requests have the same path.

    type: `query` or `mutation`; None if no operation was found.
    operation: its name, if it has one.
    fields: its root fields, each once.
    codes: the codes of its problems.
    """

    type: str | None = None
    operation: str | None = None
    fields: list[str] = []
    codes: list[str] = []

    def text(self) -> str:
        """Return the end of a line: ` query Products {products} [not_found]`."""
        name = " ".join([word for word in (self.type, self.operation) if word])
        fields = f" {{{','.join(self.fields)}}}" if self.fields else ""
        codes = f" [{','.join(self.codes)}]" if self.codes else ""
        return f"{' ' if name else ''}{name}{fields}{codes}"


def logged_names(names: Iterable[str]) -> list[str]:
    """Return the first MAX_NAMES different names. They are ours: fields of the schema, or codes."""
    return list(dict.fromkeys(names))[:MAX_NAMES]


class AccessLogEntry(msgspec.Struct, gc=False, omit_defaults=True):
    """One request.

    ms: duration in milliseconds.
    bytes: size of the response body.
    route: the path template, or None if no route matched.
    graphql: the operation, if it is a GraphQL request.
    """

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
    graphql: GraphQLLogEntry | None = None


class AccessLog:
    """Buffers entries and writes them as text or JSON."""

    __slots__ = ("entries", "format", "write")

    def __init__(self, format: Literal["text", "json"] = "text", write: Write | None = None) -> None:
        self.format, self.write, self.entries = format, write or _write_to_stderr, list[AccessLogEntry]()

    def add(self, entry: AccessLogEntry) -> None:
        """Buffer an entry; a full buffer is written."""
        self.entries.append(entry)
        if len(self.entries) >= BATCH_SIZE:
            self.flush()

    def flush(self) -> None:
        """Write the buffered entries."""
        if self.entries:
            entries, self.entries = self.entries, []
            self.write(_encode_json(entries) if self.format == "json" else _encode_text(entries))


def _write_to_stderr(data: bytes) -> None:
    """Write to standard error; a closed pipe is ignored, so that it does not stop the server."""
    try:
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()
    except (OSError, ValueError):
        pass


def _encode_json(entries: list[AccessLogEntry]) -> bytes:
    """Return one JSON object per line."""
    for entry in entries:
        entry.time, entry.event, entry.ms = _format_time(entry.time), "request", round(entry.ms, 2)
    return msgspec.json.Encoder().encode_lines(entries)


def _encode_text(entries: list[AccessLogEntry]) -> bytes:
    """Return a line per entry: time, method, path, status, duration, bytes, request id, caller.

    GraphQL requests also have their operation, root fields and problem codes.
    """
    lines = [
        f"{_format_time(e.time)} {e.method} {e.path} {e.status} {e.ms:.1f} ms {e.bytes} B "
        f"{e.request_id} {e.caller or '-'}{e.graphql.text() if e.graphql is not None else ''}\n"
        for e in entries
    ]
    return "".join(lines).encode("utf-8", "backslashreplace")


def _format_time(seconds: float | str) -> str:
    """Return the Unix time as RFC 3339 with milliseconds; a string is already formatted."""
    if isinstance(seconds, str):
        return seconds
    milliseconds = str(int(seconds * 1000))
    return f"{_format_second(milliseconds[:-3])}.{milliseconds[-3:]}Z"


@lru_cache(8)
def _format_second(seconds: str) -> str:
    """Return a time without its fraction; cached, because many entries share the second."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S")


now = time.time
