"""Leases: the claim of a dead runner expires, and a runner that lost its claim cannot commit."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from tests.servers import free_port
from tradepost.kit.auth.caller import Caller
from tradepost.kit.clock import now
from tradepost.kit.ids import new_id
from tradepost.kit.operations.idempotency import sweep as idempotency_sweep
from tradepost.kit.operations.idempotency.records import LEASE, RETENTION
from tradepost.kit.operations.idempotency.sweep import delete_expired
from tradepost.kit.problems import IdempotencyInProgress
from tradepost.kit.query.records import Record
from tradepost.kit.writes.call_context import CallContext
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


def after_claim(monkeypatch: pytest.MonkeyPatch, action: Callable[[str], Any]) -> None:
    """Run an action between the claim of a key and its write."""
    from tradepost.kit.operations import operation

    real = operation.claim

    async def claim(context: CallContext, name: str, key: str, fingerprint: str) -> Any:
        claimed = await real(context, name, key, fingerprint)
        await action(key)
        return claimed

    monkeypatch.setattr(operation, "claim", claim)


@pytest.mark.parametrize("door", ["rest", "graphql"])
@pytest.mark.parametrize("body", [{}, {"category_id": "01a1fdf4-f534-734d-a2e4-9a1d33482601"}, {"slug": "taken"}])
async def test_a_runner_that_lost_its_lease_changes_nothing(
    door: str, body: dict[str, Any], caller: DualDoorClient, app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    name, key = unique("lost"), unique("key")
    if "slug" in body:
        body = {"slug": (await caller.create("rest", unique("key"), {"name": name})).json()["slug"]}

    async def steal(key: str) -> None:
        await update_record(app, key, lease_owner="another", lease_until=now() + LEASE)

    before = await products_named(app, name)
    after_claim(monkeypatch, steal)
    members = {("categoryId" if n == "category_id" and door == "graphql" else n): v for n, v in body.items()}
    problem = problem_in(await caller.create(door, key, {"name": name, **members}))
    assert problem is not None
    # A validation error is reported as such; otherwise another request has the key.
    assert problem["code"] == ("validation" if "category_id" in body else "idempotency_in_progress")
    assert await products_named(app, name) == before
    [record] = await records(app, key)
    assert (record.lease_owner, record.outcome) == ("another", None), "the other claim is unchanged"
    await update_record(app, key, lease_until=now() - LEASE)


async def test_of_two_runners_of_an_expired_claim_only_the_second_commits(
    app: "TradepostApp", caller: DualDoorClient
) -> None:
    """The first is blocked for longer than its lease; the clock of the second is ahead of it."""
    from tradepost.areas.catalog.schemas import Product, ProductCreate
    from tradepost.areas.catalog.service import Products
    from tradepost.kit.resource.selection import Field, FieldSet, Selection

    name, key, database = unique("two"), unique("key"), app.state.database
    staff = Caller(id=new_id(1), role="staff", permissions=frozenset({"catalog:write"}))
    selection: Selection[Product] = Selection(FieldSet((Field("id"), Field("name"))))

    def create_context(delay: timedelta = timedelta()) -> CallContext:
        context = CallContext(staff, database, clock=lambda: now() + delay)
        context.idempotency.key = key
        return context

    async def create(context: CallContext) -> Record[Product]:
        return await Products(context).create(ProductCreate(name=name), selection)

    monkeypatch = pytest.MonkeyPatch()
    reached, go = asyncio.Event(), asyncio.Event()

    async def wait(_: str) -> None:
        reached.set()
        await go.wait()

    after_claim(monkeypatch, wait)
    first = asyncio.create_task(create(create_context()))
    await reached.wait()
    monkeypatch.undo()
    with pytest.raises(IdempotencyInProgress):
        await create(create_context(LEASE - timedelta(seconds=5)))
    second = await create(create_context(LEASE + timedelta(seconds=1)))
    go.set()
    with pytest.raises(IdempotencyInProgress):
        await first
    assert await products_named(app, name) == [second.id]
    assert await types_of(app, second.id) == ["product.created"]
    again = await create(replay := create_context())
    assert (again.id, again.version, replay.idempotency.is_replay) == (second.id, second.version, True)


async def test_a_cancelled_request_releases_its_key(
    caller: DualDoorClient, app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradepost.areas.catalog.service import Products

    name, key, real, reached = unique("late"), unique("key"), Products.add, asyncio.Event()

    async def hang(*_: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Products, "add", hang)
    running = asyncio.create_task(caller.create("rest", key, {"name": name}))
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await records(app, key) == []
    monkeypatch.setattr(Products, "add", real)
    assert problem_in(await caller.create("graphql", key, {"name": name})) is None
    assert len(await products_named(app, name)) == 1


async def test_a_key_expires_after_a_day(caller: DualDoorClient, app: "TradepostApp") -> None:
    name, key = unique("day"), unique("key")
    await caller.create("rest", key, {"name": name})
    await update_record(app, key, created_at=now() - RETENTION - timedelta(seconds=1))
    # Another input is accepted too.
    assert not is_replay(await caller.create("graphql", key, {"name": name, "description": "new"}))
    assert len(await products_named(app, name)) == 2
    assert len(await records(app, key)) == 1


async def test_delete_expired_deletes_records_older_than_a_day_in_batches(
    caller: DualDoorClient, app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency_sweep, "DELETE_BATCH", 2)
    await delete_expired(app.state.database, now())
    keys = [unique("key") for _ in range(6)]
    for key in keys:
        await caller.create("rest", key, {"name": "x"})
    for key in keys[:5]:
        await update_record(app, key, created_at=now() - RETENTION - timedelta(seconds=1))
    deleted = await asyncio.gather(*[delete_expired(app.state.database, now()) for _ in range(3)])
    assert sum(deleted) == 5
    assert [len(await records(app, key)) for key in keys] == [0, 0, 0, 0, 0, 1]


async def test_the_worker_deletes_expired_keys_periodically(caller: DualDoorClient, app: "TradepostApp") -> None:
    from tradepost.app import periodic_tasks

    key = unique("key")
    await caller.create("rest", key, {"name": "x"})
    await update_record(app, key, created_at=now() - RETENTION - timedelta(seconds=1))
    assert idempotency_sweep.delete_expired_keys in periodic_tasks()
    await idempotency_sweep.delete_expired_keys(CallContext(Caller(), app.state.database))
    assert await records(app, key) == []


@contextmanager
def serving(target: str, database_url: str, folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run a server of the app factory `target`; yield its URL, and a function that kills it."""
    port = free_port()
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
        server = psutil.Process(process.pid)
        for member in [server, *server.children(recursive=True)]:
            member.kill()
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
            raise TimeoutError("the server was not ready after 60 seconds")
        yield f"http://127.0.0.1:{port}", kill
    finally:
        if process.poll() is None:
            kill()


async def test_a_server_that_is_killed_during_a_write_leaves_a_claim_that_expires(
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
            caller = DualDoorClient(app, client)
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
            # The write was rolled back; the claim was committed before it.
            assert await products_named(app, "Hang") == []
            [record] = await records(app, key)
            assert record.outcome is None
            assert LEASE - timedelta(seconds=60) < record.lease_until - now() < LEASE
            for door in ("rest", "graphql"):
                problem = problem_in(await caller.create(door, key, {"name": "Hang"})) or {}
                assert problem["code"] == "idempotency_in_progress"
            await update_record(app, key, lease_until=now() - timedelta(seconds=1))
            problem = problem_in(await caller.create("rest", key, {"name": "Another"})) or {}
            assert problem["code"] == "idempotency_key_reused"
            answers = await asyncio.gather(*[caller.create(d, key, {"name": "Hang"}) for d in ("graphql", "rest") * 4])
            assert {(problem_in(a) or {}).get("code") for a in answers} <= {None, "idempotency_in_progress"}
            assert [is_replay(a) for a in answers if problem_in(a) is None].count(False) == 1
            assert len(await products_named(app, "Hang")) == 1
