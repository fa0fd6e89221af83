"""One connection to Redis that many requests share: commands go out as they come, answers come back in the same order.

A client library's pool takes 50 us of CPU for a call: this line has no lock, no task and no timer for each. One timer watches over all of them,
and runs only while somebody waits.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis

TICK, SILENT_TICKS = 0.012, 3
"""Seconds between two looks, and after how many without an answer the other side counts as gone."""

type Word = str | bytes | int
type Done = Callable[[Any], None]
"""Takes Redis's value, its error, or None where the line broke."""

pack: Callable[[tuple[Word, ...]], bytes] = cast(Any, hiredis).pack_command


def _unheard(_: Any) -> None:
    """What hears an answer that nobody waits for."""


class RedisConnection(asyncio.Protocol):
    """The connection: whatever is sent is answered, if only by None as the line breaks."""

    def __init__(self, broken: Callable[["RedisConnection"], None]) -> None:
        self.on_disconnect, self.reader = broken, hiredis.Reader()
        self.pending: deque[Done] = deque()
        self.close_reason = "closed the connection"
        self.transport: asyncio.Transport | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.reply_count = self.seen = self.silent = 0
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line stands."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hands out the answers."""
        self.reader.feed(data)
        while (answer := self.reader.gets()) is not False:
            self.reply_count += 1
            if self.pending:
                self.pending.popleft()(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """The line broke: nobody is left waiting."""
        self.close()
        self.on_disconnect(self)

    def submit(self, words: tuple[Word, ...], done: Done) -> None:
        """Sends a command; `done` is called once, with the answer."""
        if self.transport is None:
            return done(None)
        self.pending.append(done)
        self.transport.write(pack(words))
        if self.timer is None:
            self.seen, self.silent = self.reply_count, 0
            self.timer = self.loop.call_later(TICK, self._look)

    async def call(self, *words: Word) -> Any:
        """Sends a command and waits for its answer."""
        future: asyncio.Future[Any] = self.loop.create_future()
        self.submit(words, lambda answer: None if future.done() else future.set_result(answer))
        return await future

    def send(self, *words: Word) -> None:
        """Sends a command whose answer nobody waits for."""
        self.submit(words, _unheard)

    def close(self) -> None:
        """Ends the line; whoever waits is told that there is no answer."""
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        while self.pending:
            self.pending.popleft()(None)

    def _look(self) -> None:
        """Counts the looks without an answer. Several are needed: after a long stop of this process the first comes before what was received."""
        self.timer = None
        if not self.pending:
            return
        self.silent = self.silent + 1 if self.reply_count == self.seen else 0
        self.seen = self.reply_count
        if self.silent >= SILENT_TICKS:
            self.close_reason = "did not answer in time"
            self.close()
        else:
            self.timer = self.loop.call_later(TICK, self._look)


async def connect(url: str, broken: Callable[[RedisConnection], None]) -> RedisConnection:
    """A line to the Redis of a URL, in the database that it names; `broken` is called when it ends by itself."""
    from redis.asyncio.connection import (
        SSLConnection,
        parse_url,
    )  # here: a shop without Redis does without the 14 MB of its commands

    given: dict[str, Any] = dict(parse_url(url))
    loop = asyncio.get_running_loop()

    def make() -> RedisConnection:
        return RedisConnection(broken)

    if "path" in given:
        _, line = await loop.create_unix_connection(make, given["path"])
    else:
        secure = ssl.create_default_context() if given.get("connection_class") is SSLConnection else None
        _, line = await loop.create_connection(
            make, given.get("host", "localhost"), given.get("port", 6379), ssl=secure
        )
    if password := given.get("password"):
        _check(await line.call("AUTH", *([given["username"]] if given.get("username") else []), password))
    if database := given.get("db"):
        _check(await line.call("SELECT", database))
    return line


def _check(answer: Any) -> None:
    if answer is None or isinstance(answer, hiredis.ReplyError):
        raise ConnectionError(str(answer))
