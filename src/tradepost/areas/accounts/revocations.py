"""Revocations: every process drops revoked credentials from its cache, by messages through Redis.

Redis does not keep messages for absent subscribers, so a process clears its cache whenever it
(re)connects. Without Redis, or while it is unreachable, other processes accept a revoked
credential until it leaves their cache, which takes a minute at most.
"""

import asyncio
import logging

import msgspec

from tradepost.kit.redis.pubsub import PubSub

from .credential_cache import CredentialCache

PING_INTERVAL = 5.0
"""Seconds of silence before the subscription is pinged, and seconds that the reply may take."""

log = logging.getLogger("tradepost.revocations")


class _Revocation(msgspec.Struct, omit_defaults=True):
    """The message that processes exchange."""

    user: str | None = None
    session: str | None = None
    key: str | None = None


class Revocations:
    """Invalidates the credential cache of this process and of all others.

    `start` subscribes to the revocations of others. Publishing works without it, which is how
    commands use it.
    """

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
                on_message=self._receive,
                on_disconnect=_log_disconnect,
            )
            if url
            else None
        )

    @property
    def listening(self) -> asyncio.Event | None:
        """Set while the subscription works; None without Redis."""
        return self.pubsub and self.pubsub.listening

    async def publish(self, *, user: str | None = None, session: str | None = None, key: str | None = None) -> None:
        """Drop the cached credentials of this user, session and key, in every process.

        Call it after the commit of the revocation.
        """
        self.cache.invalidate(user=user, session=session, key=key)
        if self.pubsub is None:
            return
        from redis.exceptions import RedisError  # imported only if Redis is in use

        try:
            await self.pubsub.publish(msgspec.json.encode(_Revocation(user, session, key)))
            self.publish_failing = False
        except (RedisError, OSError, TimeoutError) as error:
            if not self.publish_failing:
                log.warning(
                    "a revocation could not be published (%s): other processes apply it within a minute",
                    type(error).__name__,
                )
            self.publish_failing = True

    async def start(self) -> None:
        """Subscribe. Wait a moment for the connection, then continue without it."""
        if self.pubsub is not None:
            await self.pubsub.start()

    async def stop(self) -> None:
        """Unsubscribe and close the connections."""
        if self.pubsub is not None:
            await self.pubsub.stop()

    def _receive(self, message: bytes) -> None:
        try:
            revocation = msgspec.json.decode(message, type=_Revocation)
        except msgspec.DecodeError:
            # Perhaps from a newer version: it may revoke anything.
            self.cache.clear()
            return
        self.cache.invalidate(user=revocation.user, session=revocation.session, key=revocation.key)


def _log_disconnect(error: Exception) -> None:
    log.warning(
        "the subscription to revocations failed (%s): revocations of other processes apply within a minute",
        type(error).__name__,
    )
