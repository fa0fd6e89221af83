"""A Redis pub/sub channel between the processes of one installation.

Redis does not store messages for subscribers that are disconnected, so the owner of a channel is
notified of every (re)connection and must assume that messages were missed before it.
"""

import asyncio
from collections.abc import Callable

from ..crypto import derive_key
from .connection import PATIENT_TICK, RedisConnection
from .errors import RedisUnavailable, checked
from .persistent import PersistentConnection


class PubSub:
    """Publishes messages to a channel and, once started, receives them.

    `on_connect` is called when the subscription is confirmed, `on_message` for each message, and
    `on_disconnect` once per outage, with the reason.
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
        on_disconnect: Callable[[str], None],
    ) -> None:
        """Every `ping_interval` seconds the channel is pinged; it must reply within 0.5 s."""
        self.ping_interval = ping_interval
        self.on_connect, self.on_disconnect = on_connect, on_disconnect
        # All databases of a Redis server share its channels. The derived name keeps two
        # installations on one server apart.
        self.name = f"tradepost:{subject}:{derive_key(secret_key, subject).hex()[:16]}"
        self.publisher = PersistentConnection(url, tick=PATIENT_TICK)
        # Connections of their own: one that is subscribed takes no other commands.
        self.subscriber = PersistentConnection(
            url,
            tick=PATIENT_TICK,
            check=self._subscribe,
            on_connect=self._connected,
            on_disconnect=self._disconnected,
            on_message=on_message,
        )
        self.pings: asyncio.Task[None] | None = None
        self.listening = asyncio.Event()

    async def publish(self, message: bytes) -> None:
        """Publish a message, or raise RedisUnavailable, both within half a second.

        The first call connects if `start` was not called, as in commands.
        """
        if self.publisher.current is None:
            await self.publisher.start()
        connection = self.publisher.current
        if connection is None:
            raise RedisUnavailable(self.publisher.reason or "could not be reached")
        checked(await connection.call("PUBLISH", self.name, message), connection.close_reason)

    async def start(self) -> None:
        """Subscribe. If that fails, keep trying in the background."""
        await asyncio.gather(self.publisher.start(), self.subscriber.start())
        self.pings = asyncio.create_task(self._ping())

    async def stop(self) -> None:
        """Unsubscribe and close the connections."""
        if self.pings is not None:
            self.pings.cancel()
            await asyncio.wait([self.pings])
            self.pings = None
        self.listening.clear()
        for connection in (self.subscriber, self.publisher):
            await connection.stop()

    async def _subscribe(self, connection: RedisConnection) -> None:
        checked(await connection.call("SUBSCRIBE", self.name), connection.close_reason)

    def _connected(self) -> None:
        self.listening.set()
        self.on_connect()

    def _disconnected(self, reason: str) -> None:
        self.listening.clear()
        self.on_disconnect(reason)

    async def _ping(self) -> None:
        """Ping the subscription. The connection closes itself if there is no reply."""
        while True:
            await asyncio.sleep(self.ping_interval)
            if self.subscriber.current is not None:
                self.subscriber.current.send("PING")
