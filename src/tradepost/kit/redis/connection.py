"""One pipelined connection to Redis, shared by all requests of the process.

Commands are written as they arrive and replies are read in the same order. redis-py's pool takes
50 us of CPU per call; this connection needs no lock, task or timer per call. One timer watches
all outstanding calls and runs only while there are any.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis

from .errors import checked, unreachable
from .url import RedisUrl, tls_context

TICK, SILENT_TICKS = 0.012, 3
"""Seconds between two checks, and checks without a reply after which the connection is closed."""
PATIENT_TICK = 0.12
"""Seconds between two checks of connections that no request waits for."""
CONNECT_TIMEOUT = 0.5
"""Seconds that it may take to open a connection."""

type Argument = str | bytes | int
type ReplyCallback = Callable[[Any], None]
"""Takes the reply, a ReplyError, or None if the connection was lost."""
type OnMessage = Callable[[bytes], None]
"""Takes a message of a channel that the connection is subscribed to."""

pack: Callable[[tuple[Argument, ...]], bytes] = cast(Any, hiredis).pack_command


def _ignore_reply(_: Any) -> None:
    """The callback of commands sent by `RedisConnection.send`."""


class RedisConnection(asyncio.Protocol):
    """The connection. Every command's callback is called once: with None if no reply came."""

    def __init__(
        self,
        on_disconnect: Callable[["RedisConnection"], None],
        *,
        tick: float = TICK,
        on_message: OnMessage | None = None,
    ) -> None:
        """`on_message` gets the messages of subscriptions."""
        self.on_disconnect, self.tick, self.on_message = on_disconnect, tick, on_message
        self.reader = hiredis.Reader()
        self.pending: deque[ReplyCallback] = deque()
        self.close_reason = "closed the connection"
        self.transport: asyncio.Transport | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.reply_count = self.last_reply_count = self.silent_ticks = 0
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse the replies and pass each to the callback of its command."""
        self.reader.feed(data)
        while (reply := self.reader.gets()) is not False:
            self.reply_count += 1
            if self.on_message is not None and isinstance(reply, list) and reply[0] == b"message":
                self.on_message(reply[2])
            elif self.pending:
                self.pending.popleft()(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release all waiting callers."""
        self.close()
        self.on_disconnect(self)

    def submit(self, arguments: tuple[Argument, ...], callback: ReplyCallback) -> None:
        """Send a command. `callback` is called once, with its reply."""
        if self.transport is None:
            return callback(None)
        self.pending.append(callback)
        self.transport.write(pack(arguments))
        if self.timer is None:
            self.last_reply_count, self.silent_ticks = self.reply_count, 0
            self.timer = self.loop.call_later(self.tick, self._check_replies)

    async def call(self, *arguments: Argument) -> Any:
        """Send a command and return its reply."""
        future: asyncio.Future[Any] = self.loop.create_future()
        self.submit(arguments, lambda reply: None if future.done() else future.set_result(reply))
        return await future

    def send(self, *arguments: Argument) -> None:
        """Send a command and ignore its reply."""
        self.submit(arguments, _ignore_reply)

    def close(self) -> None:
        """Close the connection. Outstanding callbacks are called with None."""
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        while self.pending:
            self.pending.popleft()(None)

    def _check_replies(self) -> None:
        """Close the connection after several checks without a reply.

        One is not enough: if the process was stopped for a while, the timer runs before the
        replies that arrived meanwhile are read.
        """
        self.timer = None
        if not self.pending:
            return
        self.silent_ticks = self.silent_ticks + 1 if self.reply_count == self.last_reply_count else 0
        self.last_reply_count = self.reply_count
        if self.silent_ticks >= SILENT_TICKS:
            self.close_reason = "did not answer in time"
            self.close()
        else:
            self.timer = self.loop.call_later(self.tick, self._check_replies)


async def connect(
    url: RedisUrl,
    on_disconnect: Callable[[RedisConnection], None],
    *,
    tick: float = TICK,
    on_message: OnMessage | None = None,
) -> RedisConnection:
    """Open a connection, log in and select the URL's database, or raise RedisUnavailable.

    `on_disconnect` is called when the connection ends, whichever side closed it.
    """
    connection = RedisConnection(on_disconnect, tick=tick, on_message=on_message)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await _open(url, connection)
            if url.password is not None:
                user = [url.username] if url.username is not None else []
                checked(await connection.call("AUTH", *user, url.password), connection.close_reason)
            if url.database:
                checked(await connection.call("SELECT", url.database), connection.close_reason)
    except (OSError, UnicodeError) as error:
        connection.close()
        raise unreachable(error) from error
    except BaseException:
        connection.close()
        raise
    return connection


async def _open(url: RedisUrl, connection: RedisConnection) -> None:
    loop = asyncio.get_running_loop()
    if url.path is not None:
        await loop.create_unix_connection(lambda: connection, url.path)
    else:
        await loop.create_connection(lambda: connection, url.host, url.port, ssl=tls_context(url))
