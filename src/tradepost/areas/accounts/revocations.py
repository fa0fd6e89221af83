"""Tells the other processes of the shop what to forget, through a channel of Redis.

Messages are not kept for who is away, so whoever (re)joins the channel forgets everything. Without Redis, and while it is gone, other
processes find out when what they remember ends: after a minute at most.
"""

import asyncio
import logging

import msgspec

from tradepost.kit.redis.pubsub import PubSub

from .credential_cache import CredentialCache

PING_INTERVAL = 5.0
"""Seconds of silence after which the channel must answer a ping, and seconds it has for that."""

log = logging.getLogger("tradepost.revocations")


class _Revoked(msgspec.Struct, omit_defaults=True):
    user: str | None = None
    session: str | None = None
    key: str | None = None


class Revocations:
    """Forgets here at once and tells the others. `start` listens; announcing works without it, as commands do."""

    def __init__(
        self, cache: CredentialCache, url: str | None, secret_key: str, *, ping_interval: float = PING_INTERVAL
    ) -> None:
        self.cache, self.publish_failing = cache, False
        self.pubsub = (
            PubSub(
                url,
                "revocations",
                secret_key,
                ping_interval=ping_interval,
                on_connect=cache.clear,
                on_message=self._take,
                on_disconnect=_warn,
            )
            if url
            else None
        )

    @property
    def listening(self) -> asyncio.Event | None:
        """Set while what others revoke is heard; None without Redis."""
        return self.pubsub and self.pubsub.listening

    async def publish(self, *, user: str | None = None, session: str | None = None, key: str | None = None) -> None:
        """Forgets every credential of this user, session and key, here and elsewhere. Call it after the commit of what revokes them."""
        self.cache.invalidate(user=user, session=session, key=key)
        if self.pubsub is None:
            return
        from redis.exceptions import RedisError  # here: loaded only where there is a Redis

        try:
            await self.pubsub.publish(msgspec.json.encode(_Revoked(user, session, key)))
            self.publish_failing = False
        except (RedisError, OSError, TimeoutError) as fault:
            if not self.publish_failing:
                log.warning(
                    "a revocation could not be announced (%s): other processes notice within a minute",
                    type(fault).__name__,
                )
            self.publish_failing = True

    async def start(self) -> None:
        """Listens from now on. Waits a moment for the channel, and goes on without it."""
        if self.pubsub is not None:
            await self.pubsub.start()

    async def stop(self) -> None:
        """Listens no longer and closes what is open."""
        if self.pubsub is not None:
            await self.pubsub.stop()

    def _take(self, message: bytes) -> None:
        try:
            said = msgspec.json.decode(message, type=_Revoked)
        except msgspec.DecodeError:
            # Of a newer version, perhaps: what it revokes is not known, so it may be anything.
            self.cache.clear()
            return
        self.cache.invalidate(user=said.user, session=said.session, key=said.key)


def _warn(fault: Exception) -> None:
    log.warning(
        "revocations of other processes are not heard (%s): they are noticed within a minute", type(fault).__name__
    )
