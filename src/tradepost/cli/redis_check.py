"""The check of Redis before the server starts."""

import asyncio

import click

from tradepost.kit.rate_limit.redis_buckets import check_script
from tradepost.kit.redis.connection import PATIENT_TICK
from tradepost.kit.redis.errors import RedisUnavailable
from tradepost.kit.redis.persistent import PersistentConnection
from tradepost.kit.redis.url import RedisUrl, tls_context
from tradepost.settings import SettingsError


def check_redis(url: str) -> None:
    """Print one line if Redis is unavailable: the server works without it.

    Raise SettingsError if it can never be used: it is a cluster, or TLS is configured wrongly.
    """
    try:
        tls_context(RedisUrl.parse(url))
    except OSError as error:
        raise SettingsError(f"REDIS_URL: the files of its `ssl_` options cannot be loaded: {error}.") from None
    try:
        asyncio.run(_connect_once(url))
    except RedisUnavailable as error:
        if error.is_cluster:
            raise SettingsError(f"REDIS_URL: Redis {error}.") from None
        click.echo(
            f"tradepost: REDIS_URL: Redis {error}. The server starts without it; until Redis is available or the "
            "URL is corrected, each process has its own rate limits and caches no reads.",
            err=True,
        )


async def _connect_once(url: str) -> None:
    connection = PersistentConnection(url, check=check_script, tick=PATIENT_TICK)
    await connection.connect()
    await connection.stop()
