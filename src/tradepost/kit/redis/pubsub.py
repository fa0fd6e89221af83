"""A channel of Redis between the processes of one shop: messages that nobody keeps for who is away, so whoever (re)joins is told that it did."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..crypto import derive_key

PATIENCE = 1.0
"""Seconds that Redis has to connect, and to take a message."""
LEAST_PAUSE, MOST_PAUSE = 0.25, 10.0


class PubSub:
    """Publishes, and once it is started listens: `joined` is called whenever it hears from now on, `take` for each message, `lost` once whenever it
    hears no longer, with the fault."""

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
        """`tick`: seconds of silence after which the channel must answer a ping, and seconds that it has for that."""
        self.ping_interval, self.on_connect, self.on_message, self.on_disconnect = (
            ping_interval,
            on_connect,
            on_message,
            on_disconnect,
        )
        # Redis has one set of channels for all its databases; two shops on it must not hear each other.
        self.name = f"tradepost:{subject}:{derive_key(secret_key, subject).hex()[:16]}"
        self.publisher = _client(url, retries=1, socket_timeout=PATIENCE)
        # It waits for messages as long as it takes, and must not join again behind our back: what came in between would be missed.
        self.subscriber = _client(url, retries=0, socket_timeout=None)
        self.task: asyncio.Task[None] | None = None
        self.listening = asyncio.Event()

    async def publish(self, message: bytes) -> None:
        """Sends a message to all who listen; RedisError, OSError or TimeoutError where Redis does not take it."""
        async with asyncio.timeout(2 * PATIENCE):
            await self.publisher.publish(self.name, message)

    async def start(self) -> None:
        """Listens from now on. Waits a moment for the channel, and goes on without it."""
        self.task = asyncio.create_task(self._listen_on())
        with suppress(TimeoutError):
            await asyncio.wait_for(self.listening.wait(), PATIENCE)

    async def stop(self) -> None:
        """Listens no longer and closes what is open."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            self.task = None
            self.listening.clear()
        for client in (self.publisher, self.subscriber):
            await client.aclose()

    async def _listen_on(self) -> None:
        """Listens, and joins again whenever the channel broke, sooner at first and then more rarely."""
        pause, said = LEAST_PAUSE, False
        while True:
            try:
                async with self.subscriber.pubsub() as channel:
                    await self._listen(channel)
            except Exception as fault:  # whatever it was: nobody else looks after this task
                if self.listening.is_set():
                    pause, said = LEAST_PAUSE, False
                self.listening.clear()
                if not said:
                    self.on_disconnect(fault)
                said = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, MOST_PAUSE)

    async def _listen(self, channel: Any) -> None:
        """Hears what others say until the channel breaks; raises then, also where it is only silent."""
        await channel.subscribe(self.name)
        waiting = True  # for an answer: that of the subscription, later that of a ping
        while True:
            message = await channel.get_message(timeout=self.ping_interval)
            if message is None:
                if waiting:
                    raise ConnectionError("the channel does not answer")
                await channel.ping()
                waiting = True
                continue
            waiting = False
            if message["type"] == "subscribe":
                self.on_connect()
                self.listening.set()
            elif message["type"] == "message":
                self.on_message(message["data"])


def _client(url: str, *, retries: int, socket_timeout: float | None) -> Any:
    from redis.asyncio import Redis  # here: a shop without Redis does without the 14 MB of its commands
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    made: Any = Redis  # whose methods are typed in part only
    return made.from_url(
        url, socket_connect_timeout=PATIENCE, socket_timeout=socket_timeout, retry=Retry(NoBackoff(), retries)
    )
