"""Leases: a runner that died leaves a claim that expires, and one that lost its claim can not commit."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from tests import servers
from tests.areas.catalog.events import types_of
from tests.factories import unique
from tests.reliability.client import DualDoorClient, is_replay, problem_in, products_named, records, update_record
from tradepost.kit.auth.caller import Caller as Who
from tradepost.kit.clock import now
from tradepost.kit.ids import new_id
from tradepost.kit.operations.idempotency import sweep as idempotency_sweep
from tradepost.kit.operations.idempotency.records import LEASE, RETENTION
from tradepost.kit.operations.idempotency.sweep import delete_expired
from tradepost.kit.problems import IdempotencyInProgress
from tradepost.kit.writes.call_context import CallContext
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


def after_claim(monkeypatch: pytest.MonkeyPatch, do: Callable[[str], Any]) -> None:
    """Something happens between the claim of a key and the write under it."""
    from tradepost.kit.operations import operation

    real = operation.claim

    async def claim(context: CallContext, name: str, key: str, print_: str) -> Any:
        claimed = await real(context, name, key, print_)
        await do(key)
        return claimed

    monkeypatch.setattr(operation, "claim", claim)


@pytest.mark.parametrize("door", ["rest", "graphql"])
@pytest.mark.parametrize("body", [{}, {"category_id": "01a1fdf4-f534-734d-a2e4-9a1d33482601"}, {"slug": "taken"}])
async def test_who_lost_the_lease_changes_nothing(
    door: str, body: dict[str, Any], mine: DualDoorClient, app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    name, key = unique("lost"), unique("key")
    if "slug" in body:
        body = {"slug": (await mine.create("rest", unique("key"), {"name": name})).json()["slug"]}

    async def steal(key: str) -> None:
        await update_record(app, key, lease_owner="another", lease_until=now() + LEASE)

    before = await products_named(app, name)
    after_claim(monkeypatch, steal)
    given = {("categoryId" if n == "category_id" and door == "graphql" else n): v for n, v in body.items()}
    problem = problem_in(await mine.create(door, key, {"name": name, **given}))
    assert problem is not None
    # What is refused for its form is refused for that; all else tells that another request has the key.
    assert problem["code"] == ("validation" if "category_id" in body else "idempotency_in_progress")
    assert await products_named(app, name) == before
    [record] = await records(app, key)
    assert (record.lease_owner, record.outcome) == ("another", None), "the claim of the other is left alone"
    await update_record(app, key, lease_until=now() - LEASE)


async def test_of_two_runners_of_one_expired_claim_the_later_has_the_effect(
    app: "TradepostApp", mine: DualDoorClient
) -> None:
    """The first stands still for longer than its lease; the second is a minute later by its own clock, as another process would be."""
    from tradepost.areas.catalog.schemas import Product, ProductCreate
    from tradepost.areas.catalog.service import Products
    from tradepost.kit.resource.selection import Field, FieldSet, Selection

    name, key, database = unique("two"), unique("key"), app.state.database
    who = Who(id=new_id(1), role="staff", permissions=frozenset({"catalog:write"}))
    want: Selection[Product] = Selection(FieldSet((Field("id"), Field("name"))))

    def context(late: timedelta = timedelta()) -> CallContext:
        made = CallContext(who, database, clock=lambda: now() + late)
        made.idempotency.key = key
        return made

    monkeypatch = pytest.MonkeyPatch()
    reached, go = asyncio.Event(), asyncio.Event()

    async def wait(_: str) -> None:
        reached.set()
        await go.wait()

    after_claim(monkeypatch, wait)
    first = asyncio.create_task(Products(context()).create(ProductCreate(name=name), want))
    await reached.wait()
    monkeypatch.undo()
    with pytest.raises(IdempotencyInProgress):
        await Products(context(LEASE - timedelta(seconds=5))).create(ProductCreate(name=name), want)
    second = await Products(context(LEASE + timedelta(seconds=1))).create(ProductCreate(name=name), want)
    go.set()
    with pytest.raises(IdempotencyInProgress):
        await first
    assert await products_named(app, name) == [second.id]
    assert await types_of(app, second.id) == ["product.created"]
    again = await Products(replay := context()).create(ProductCreate(name=name), want)
    assert (again.id, again.version, replay.idempotency.is_replay) == (second.id, second.version, True)


async def test_a_request_that_is_cancelled_gives_its_key_back(
    mine: DualDoorClient, app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradepost.areas.catalog.service import Products

    name, key, real, reached = unique("late"), unique("key"), Products.make, asyncio.Event()

    async def hang(*_: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Products, "make", hang)
    running = asyncio.create_task(mine.create("rest", key, {"name": name}))
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await records(app, key) == []
    monkeypatch.setattr(Products, "make", real)
    assert problem_in(await mine.create("graphql", key, {"name": name})) is None
    assert len(await products_named(app, name)) == 1


async def test_a_key_is_forgotten_after_a_day(mine: DualDoorClient, app: "TradepostApp") -> None:
    name, key = unique("day"), unique("key")
    await mine.create("rest", key, {"name": name})
    await update_record(app, key, created_at=now() - RETENTION - timedelta(seconds=1))
    # Also for another input: nothing is known of the first.
    assert not is_replay(await mine.create("graphql", key, {"name": name, "description": "new"}))
    assert len(await products_named(app, name)) == 2
    assert len(await records(app, key)) == 1


async def test_the_sweep_deletes_what_is_older_than_a_day_some_at_a_time(
    mine: DualDoorClient, app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency_sweep, "DELETE_BATCH", 2)
    await delete_expired(app.state.database, now())
    keys = [unique("key") for _ in range(6)]
    for key in keys:
        await mine.create("rest", key, {"name": "x"})
    for key in keys[:5]:
        await update_record(app, key, created_at=now() - RETENTION - timedelta(seconds=1))
    gone = await asyncio.gather(*[delete_expired(app.state.database, now()) for _ in range(3)])
    assert sum(gone) == 5
    assert [len(await records(app, key)) for key in keys] == [0, 0, 0, 0, 0, 1]


async def test_the_sweep_is_a_chore_of_the_worker(mine: DualDoorClient, app: "TradepostApp") -> None:
    from tradepost.app import periodic_tasks

    key = unique("key")
    await mine.create("rest", key, {"name": "x"})
    await update_record(app, key, created_at=now() - RETENTION - timedelta(seconds=1))
    assert idempotency_sweep.delete_expired_keys in periodic_tasks()
    await idempotency_sweep.delete_expired_keys(CallContext(Who(), app.state.database))
    assert await records(app, key) == []


@contextmanager
def serving(target: str, database_url: str, folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """A server process of its own with a shop of this name in it; its address, and what ends it by SIGKILL."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    environ = servers.environ(database_url) | {"ACCESS_LOG": "off"}
    environ["PYTHONPATH"] = os.pathsep.join([str(servers.ROOT), str(servers.ROOT / "src")])
    words = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "asgi",
        "--factory",
        "--port",
        str(port),
        "--no-log",
        target,
    ]
    process = subprocess.Popen(words, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def kill() -> None:
        found = psutil.Process(process.pid)
        for one in [found, *found.children(recursive=True)]:
            one.kill()
        process.wait(10)

    try:
        for _ in range(600):
            assert process.poll() is None, "the server has ended"
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        else:
            raise TimeoutError("the server did not get ready in 60 seconds")
        yield f"http://127.0.0.1:{port}", kill
    finally:
        if process.poll() is None:
            kill()


async def test_a_server_that_is_killed_in_a_write_leaves_a_claim_that_expires(
    fresh_settings: Callable[[], Settings], tmp_path: Path
) -> None:
    from tradepost.app import create_app

    settings, key = fresh_settings(), unique("key")
    app = create_app(settings)
    async with app.lifespan():
        headers = {"X-API-Key": await app.state.credentials.create(name="tests", role="staff")}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://tradepost.test", headers=headers
        ) as client:
            mine = DualDoorClient(app, client)
            with serving("tests.reliability.hanging_process:application", settings.database_url, tmp_path) as (
                address,
                kill,
            ):

                async def hang() -> None:
                    async with httpx.AsyncClient(timeout=60, headers=headers | {"Idempotency-Key": key}) as other:
                        await other.post(f"{address}/v1/products", json={"name": "Hang"})

                hanging = asyncio.create_task(hang())
                while not (tmp_path / "hanging").exists():
                    assert not hanging.done(), hanging.result()
                    await asyncio.sleep(0.05)
                await asyncio.to_thread(kill)
                with pytest.raises(httpx.TransportError):
                    await hanging
            # The write is gone with its process, and the claim, which was committed before it, is there.
            assert await products_named(app, "Hang") == []
            [record] = await records(app, key)
            assert record.outcome is None
            assert LEASE - timedelta(seconds=60) < record.lease_until - now() < LEASE
            for door in ("rest", "graphql"):
                assert (problem_in(await mine.create(door, key, {"name": "Hang"})) or {})[
                    "code"
                ] == "idempotency_in_progress"
            await update_record(app, key, lease_until=now() - timedelta(seconds=1))
            assert (problem_in(await mine.create("rest", key, {"name": "Another"})) or {})[
                "code"
            ] == "idempotency_key_reused"
            answers = await asyncio.gather(*[mine.create(d, key, {"name": "Hang"}) for d in ("graphql", "rest") * 4])
            assert {(problem_in(a) or {}).get("code") for a in answers} <= {None, "idempotency_in_progress"}
            assert [is_replay(a) for a in answers if problem_in(a) is None].count(False) == 1
            assert len(await products_named(app, "Hang")) == 1
