"""Tells the other processes of the shop what to forget, through a channel of Redis.

Messages are not kept for who is away, so whoever (re)joins the channel forgets everything. Without Redis, and while it is gone, other
processes find out when what they remember ends: after a minute at most.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any

import msgspec

from tradepost.kit.secret import derive

from .remembered import Remembered

PATIENCE = 1.0
"""Seconds that Redis has to connect, and to take a message."""
TICK = 5.0
"""Seconds of silence after which the channel must answer a ping, and seconds it has for that."""
LEAST_PAUSE, MOST_PAUSE = 0.25, 10.0

log = logging.getLogger("tradepost.revocations")


class _Revoked(msgspec.Struct, omit_defaults=True):
    user: str | None = None
    session: str | None = None
    key: str | None = None


class Revocations:
    """Forgets here at once and tells the others. `start` listens; announcing works without it, as commands do."""

    def __init__(self, remembered: Remembered, url: str | None, secret_key: str, *, tick: float = TICK) -> None:
        self.remembered, self.tick = remembered, tick
        # Redis has one set of channels for all its databases; two shops on it must not hear each other.
        self.channel = f"tradepost:revocations:{derive(secret_key, 'revocations').hex()[:16]}"
        self.publisher = _client(url, retries=1, socket_timeout=PATIENCE) if url else None
        # It waits for messages as long as it takes, and must not join again behind our back: what came in between would be missed.
        self.subscriber = _client(url, retries=0, socket_timeout=None) if url else None
        self.task: asyncio.Task[None] | None = None
        self.listening = asyncio.Event()
        self.silent = False

    async def announce(self, *, user: str | None = None, session: str | None = None, key: str | None = None) -> None:
        """Forgets every credential of this user, session and key, here and elsewhere. Call it after the commit of what revokes them."""
        self.remembered.forget(user=user, session=session, key=key)
        if self.publisher is None:
            return
        from redis.exceptions import RedisError  # here: loaded only where there is a Redis

        try:
            async with asyncio.timeout(2 * PATIENCE):
                await self.publisher.publish(self.channel, msgspec.json.encode(_Revoked(user, session, key)))
            self.silent = False
        except (RedisError, OSError, TimeoutError) as fault:
            if not self.silent:
                log.warning("a revocation could not be announced (%s): other processes notice within a minute", type(fault).__name__)
            self.silent = True

    async def start(self) -> None:
        """Listens from now on. Waits a moment for the channel, and goes on without it."""
        if self.subscriber is None:
            return
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
            if client is not None:
                await client.aclose()

    async def _listen_on(self) -> None:
        """Listens, and joins again whenever the channel broke, sooner at first and then more rarely."""
        assert self.subscriber is not None
        pause, warned = LEAST_PAUSE, False
        while True:
            try:
                async with self.subscriber.pubsub() as channel:
                    await self._listen(channel)
            except Exception as fault:  # whatever it was: nobody else looks after this task
                if self.listening.is_set():
                    pause, warned = LEAST_PAUSE, False
                self.listening.clear()
                if not warned:
                    log.warning("revocations of other processes are not heard (%s): they are noticed within a minute", type(fault).__name__)
                warned = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, MOST_PAUSE)

    async def _listen(self, channel: Any) -> None:
        """Hears what others revoke until the channel breaks; raises then, also where it is only silent."""
        await channel.subscribe(self.channel)
        waiting = True  # for an answer: that of the subscription, later that of a ping
        while True:
            message = await channel.get_message(timeout=self.tick)
            if message is None:
                if waiting:
                    raise ConnectionError("the channel does not answer")
                await channel.ping()
                waiting = True
                continue
            waiting = False
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            self.remembered.clear()
            self.listening.set()
        elif message["type"] == "message":
            try:
                said = msgspec.json.decode(message["data"], type=_Revoked)
            except msgspec.DecodeError:
                # Of a newer version, perhaps: what it revokes is not known, so it may be anything.
                self.remembered.clear()
                return
            self.remembered.forget(user=said.user, session=said.session, key=said.key)


def _client(url: str, *, retries: int, socket_timeout: float | None) -> Any:
    from redis.asyncio import Redis  # here: a shop without Redis does without the 14 MB of its commands
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    made: Any = Redis  # whose methods are typed in part only
    return made.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=socket_timeout, retry=Retry(NoBackoff(), retries))
