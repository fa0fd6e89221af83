"""A proxy in front of PostgreSQL that counts the statements and round trips of its connections.

It reads the messages of the frontend (PostgreSQL documentation, "Message Formats"): each Execute
or Query is a statement, each Sync or Query asks for a response, which is a round trip.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

STATEMENTS, ROUND_TRIPS = (b"E", b"Q"), (b"S", b"Q")
PING = b"SELECT 1\0"
"""Sent all the time by the connections that watch the server."""


class CountingProxy:
    """Listens in a folder as PostgreSQL does, and passes everything on to a socket."""

    def __init__(self, target: Path) -> None:
        self.target, self.messages = target, Counter[bytes]()

    @property
    def counts(self) -> tuple[int, int]:
        """The statements and the round trips so far."""
        return sum(self.messages[kind] for kind in STATEMENTS), sum(self.messages[kind] for kind in ROUND_TRIPS)

    async def serve(self, path: Path, started: threading.Event) -> None:
        """Serve until the task is cancelled."""
        async with await asyncio.start_unix_server(self._connect, path) as server:
            started.set()
            await server.serve_forever()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        responses, requests = await asyncio.open_unix_connection(self.target)
        # Each direction ends by itself: a client that says goodbye waits for the server to close.
        await asyncio.gather(self._forward(reader, requests), _copy(responses, writer))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on the messages of the client, and count their kinds."""
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError):
            length = await reader.readexactly(4)  # the startup message has no kind
            writer.write(length + await reader.readexactly(int.from_bytes(length) - 4))
            while True:
                head = await reader.readexactly(5)
                body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
                if body != PING:
                    self.messages[head[:1]] += 1
                writer.write(head + body)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer), suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)


@contextmanager
def counting_proxy(socket_folder: Path, folder: Path) -> Iterator[CountingProxy]:
    """Run a proxy in a thread. It listens in `folder`, which clients name as their host."""
    folder.mkdir(exist_ok=True)
    name, started = ".s.PGSQL.5432", threading.Event()
    proxy, loop = CountingProxy(socket_folder / name), asyncio.new_event_loop()
    task = loop.create_task(proxy.serve(folder / name, started))
    thread = threading.Thread(target=lambda: loop.run_until_complete(_until_cancelled(task)))
    thread.start()
    try:
        started.wait(10)
        yield proxy
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


async def _until_cancelled(task: asyncio.Task[None]) -> None:
    with suppress(asyncio.CancelledError):
        await task
