"""Revocations: every process drops revoked credentials from its cache, by messages through Redis.

Redis does not keep messages for absent subscribers, so a process clears its cache whenever it
(re)connects. While Redis is unavailable, messages are kept and sent when it is back; until then
other processes accept a revoked credential, for a minute at most: then it leaves their cache.
"""

import asyncio
import logging
from contextlib import suppress

import msgspec

from tradepost.kit.redis.errors import RedisUnavailable
from tradepost.kit.redis.pubsub import PubSub

from .credential_cache import CredentialCache

PING_INTERVAL = 5.0
"""Seconds between two pings of the subscription."""
RETRY_INTERVAL = 0.25
"""Seconds between two attempts to publish what could not be published."""
MAX_UNSENT = 1000
UNKNOWN = b""
"""A message that clears the caches of all processes. It replaces more than MAX_UNSENT messages."""

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
        self.cache = cache
        self.unsent: list[bytes] = []
        self.sending: asyncio.Task[None] | None = None
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
        message = msgspec.json.encode(_Revocation(user, session, key))
        try:
            await self.pubsub.publish(message)
        except RedisUnavailable as error:
            if not self.unsent:
                log.warning("Redis %s: other processes apply revocations when it is back, or within a minute", error)
            self.unsent = [*self.unsent, message] if len(self.unsent) < MAX_UNSENT else [UNKNOWN]
            if self.sending is None or self.sending.done():
                self.sending = asyncio.create_task(self._send_later(self.pubsub))

    async def _send_later(self, pubsub: PubSub) -> None:
        """Publish the unsent messages when Redis is back."""
        while self.unsent:
            await asyncio.sleep(RETRY_INTERVAL)
            with suppress(RedisUnavailable):
                while self.unsent:
                    await pubsub.publish(self.unsent[0])
                    del self.unsent[0]

    async def start(self) -> None:
        """Subscribe. Wait a moment for the connection, then continue without it."""
        if self.pubsub is not None:
            await self.pubsub.start()

    async def stop(self) -> None:
        """Unsubscribe and close the connections."""
        if self.sending is not None:
            self.sending.cancel()
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


def _log_disconnect(reason: str) -> None:
    log.warning("Redis %s: revocations of other processes apply within a minute until it is back", reason)
