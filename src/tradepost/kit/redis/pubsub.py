"""A Redis pub/sub channel between the processes of one installation.

Redis does not store messages for subscribers that are disconnected, so the owner of a channel is
notified of every (re)connection and must assume that messages were missed before it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..crypto import derive_key

TIMEOUT = 1.0
"""Seconds that Redis may take to connect, and to accept a message."""
MIN_PAUSE, MAX_PAUSE = 0.25, 10.0
"""Seconds between two attempts to reconnect; the pause doubles after each failure."""


class PubSub:
    """Publishes messages to a channel and, once started, receives them.

    `on_connect` is called when the subscription is confirmed, `on_message` for each message, and
    `on_disconnect` once per outage, with the error.
    """

    def __init__(
        self,
        url: str,
        subject: str,
        secret_key: str,
        *,
        ping_interval: float,
        on_connect: Callable[[], None],
        on_message: Callable[[bytes], None],
        on_disconnect: Callable[[Exception], None],
    ) -> None:
        """After `ping_interval` seconds of silence the channel is pinged.

        The reply must arrive within another `ping_interval`.
        """
        self.ping_interval = ping_interval
        self.on_connect, self.on_message, self.on_disconnect = on_connect, on_message, on_disconnect
        # All databases of a Redis server share its channels. The derived name keeps two
        # installations on one server apart.
        self.name = f"tradepost:{subject}:{derive_key(secret_key, subject).hex()[:16]}"
        self.publisher = _client(url, retries=1, socket_timeout=TIMEOUT)
        # No timeout, because it waits for messages. No retries, because a silent reconnection
        # would hide that messages were missed.
        self.subscriber = _client(url, retries=0, socket_timeout=None)
        self.task: asyncio.Task[None] | None = None
        self.listening = asyncio.Event()

    async def publish(self, message: bytes) -> None:
        """Publish a message. Raise RedisError, OSError or TimeoutError if that fails."""
        async with asyncio.timeout(2 * TIMEOUT):
            await self.publisher.publish(self.name, message)

    async def start(self) -> None:
        """Subscribe. If that takes longer than a second, it goes on in the background."""
        self.task = asyncio.create_task(self._run())
        with suppress(TimeoutError):
            await asyncio.wait_for(self.listening.wait(), TIMEOUT)

    async def stop(self) -> None:
        """Unsubscribe and close the connections."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            self.task = None
            self.listening.clear()
        for client in (self.publisher, self.subscriber):
            await client.aclose()

    async def _run(self) -> None:
        """Receive messages, and reconnect with growing pauses after an error."""
        pause, notified = MIN_PAUSE, False
        while True:
            try:
                async with self.subscriber.pubsub() as channel:
                    await self._receive(channel)
            except Exception as error:  # any error: nothing restarts this task
                if self.listening.is_set():
                    pause, notified = MIN_PAUSE, False
                self.listening.clear()
                if not notified:
                    self.on_disconnect(error)
                notified = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE)

    async def _receive(self, channel: Any) -> None:
        """Receive messages until an error, or until the channel no longer answers pings."""
        await channel.subscribe(self.name)
        awaits_reply = True  # to the subscription, later to a ping
        while True:
            message = await channel.get_message(timeout=self.ping_interval)
            if message is None:
                if awaits_reply:
                    raise ConnectionError("the channel does not answer")
                await channel.ping()
                awaits_reply = True
                continue
            awaits_reply = False
            if message["type"] == "subscribe":
                self.on_connect()
                self.listening.set()
            elif message["type"] == "message":
                self.on_message(message["data"])


def _client(url: str, *, retries: int, socket_timeout: float | None) -> Any:
    # Imported here to save 14 MB of memory if Redis is not used.
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    untyped: Any = Redis  # its methods are only partly typed
    return untyped.from_url(
        url, socket_connect_timeout=TIMEOUT, socket_timeout=socket_timeout, retry=Retry(NoBackoff(), retries)
    )
