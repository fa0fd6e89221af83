"""Locks of PostgreSQL: waits are bounded, writes do not deadlock, and lost sessions undo all."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest

from tests.factories import create, make_product, variant_input
from tests.figures import IS_TORTURE
from tests.reliability.client import problem_in
from tests.reliability.own_postgresql import OwnPostgreSQL, shop_on_own_server
from tests.servers import Run

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.once

MAX_SECONDS = 2.0
RENAME = "mutation($id: ID!, $name: String!) { productUpdate(id: $id, patch: {name: $name}) { id name } }"
ROUNDS = 40 if IS_TORTURE else 8
TRIGGER = """
DO $do$ BEGIN
    CREATE OR REPLACE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.name = 'Doppelt' THEN
            RAISE unique_violation USING TABLE = 'product', CONSTRAINT = 'product_slug_key',
                MESSAGE = 'doppelter Schlüsselwert verletzt Unique-Constraint »product_slug_key«';
        ELSIF NEW.name = 'Verwiesen' THEN
            RAISE foreign_key_violation USING TABLE = 'product', CONSTRAINT = 'product_brand_id_fkey',
                MESSAGE = 'Einfügen oder Aktualisieren in Tabelle »product« verletzt Fremdschlüssel-Constraint';
        END IF;
        RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER complain BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION complain();
END $do$"""
WAITERS = "FROM pg_stat_activity WHERE application_name = 'tradepost-writer' AND wait_event_type = 'Lock'"


@pytest.fixture(scope="module")
async def shop(run: Run) -> AsyncIterator[tuple[OwnPostgreSQL, "TradepostApp", httpx.AsyncClient]]:
    """A server, the app on it, and a client of the staff."""
    async with shop_on_own_server(run) as started:
        yield started


@pytest.fixture
def postgresql(shop: tuple[OwnPostgreSQL, "TradepostApp", httpx.AsyncClient]) -> OwnPostgreSQL:
    """The server."""
    return shop[0]


@pytest.fixture
def staff(shop: tuple[OwnPostgreSQL, "TradepostApp", httpx.AsyncClient]) -> httpx.AsyncClient:
    """The client."""
    return shop[2]


@asynccontextmanager
async def locked(postgresql: OwnPostgreSQL, id: str) -> AsyncGenerator[Any]:
    """Lock a product in a session of another program."""
    connection = await asyncpg.connect(postgresql.url)
    await connection.execute("BEGIN")
    await connection.execute("SELECT id FROM product WHERE id = $1 FOR UPDATE", id)
    yield connection
    await connection.close()


def rename(staff: httpx.AsyncClient, door: str, id: str, name: str) -> Awaitable[httpx.Response]:
    """Rename a product at a door."""
    if door == "rest":
        return staff.patch(f"/v1/products/{id}", json={"name": name})
    return staff.post("/graphql", json={"query": RENAME, "variables": {"id": id, "name": name}})


def assert_unavailable(answer: httpx.Response) -> None:
    """Check that a response is the 503 of an unavailable database."""
    assert (answer.status_code, answer.headers.get("retry-after")) == (503, "1"), answer.text
    assert (problem_in(answer) or {})["code"] == "unavailable"


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_a_write_that_waits_for_a_lock_is_503_in_time(
    door: str, postgresql: OwnPostgreSQL, staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff)
    async with locked(postgresql, product["id"]):
        started = time.monotonic()
        answer = await rename(staff, door, product["id"], "Later")
        assert 1 < time.monotonic() - started < 2 * MAX_SECONDS
        assert_unavailable(answer)
    assert (await rename(staff, door, product["id"], "Later")).status_code == 200


@pytest.mark.parametrize("atomic", ["true", "false"])
async def test_a_batch_whose_session_is_lost_changes_nothing(
    atomic: str, postgresql: OwnPostgreSQL, staff: httpx.AsyncClient
) -> None:
    first, second = await make_product(staff), await make_product(staff)
    items = [{"op": "update", "id": p["id"], "patch": {"name": "Changed"}} for p in (first, second)]
    async with locked(postgresql, second["id"]):
        batch = asyncio.create_task(staff.post(f"/v1/products/batch?atomic={atomic}", json={"items": items}))
        while not await postgresql.fetch(f"SELECT pid, pg_terminate_backend(pid) {WAITERS}"):
            assert not batch.done()
        assert_unavailable(await batch)
    assert (await staff.get(f"/v1/products/{first['id']}")).json()["name"] == "Lamp"


async def test_changes_of_variants_and_upserts_of_their_product_do_not_deadlock(
    postgresql: OwnPostgreSQL, staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff)
    inputs = [variant_input(price) for price in (100, 200, 300)]
    ids = [(await create(staff, f"/v1/products/{product['id']}/variants", input))["id"] for input in inputs]

    async def change(number: int) -> None:
        for turn in range(ROUNDS):
            id, price = ids[(number + turn) % 3], {"amount": 1000 + turn, "currency": "EUR"}
            answer = await staff.patch(f"/v1/variants/{id}", json={"price": price})
            assert answer.status_code == 200, answer.text

    async def upsert(number: int) -> None:
        for turn in range(ROUNDS):
            new = {"slug": product["slug"], "name": f"Lamp {number} {turn}", "variants": inputs}
            answer = await staff.post("/v1/products/batch", json={"items": [{"op": "upsert", "input": new}]})
            assert answer.json()["results"][0]["status"] == 200, answer.text

    await asyncio.gather(*[work(number) for number in range(3) for work in (change, upsert)])
    assert "deadlock detected" not in postgresql.server.log.read_text()


@pytest.mark.parametrize("door", ["rest", "graphql"])
async def test_a_violated_constraint_is_recognised_in_any_language(
    door: str, postgresql: OwnPostgreSQL, staff: httpx.AsyncClient
) -> None:
    """A trigger raises what PostgreSQL raises under `lc_messages = de_DE`: the same fields."""
    product = await make_product(staff)
    await postgresql.fetch(TRIGGER)
    answer = await rename(staff, door, product["id"], "Doppelt")
    problem = problem_in(answer)
    assert problem is not None
    assert (problem["status"], problem["code"], problem["field"]) == (409, "already_exists", "slug")
    answer = await rename(staff, door, product["id"], "Verwiesen")
    problem = problem_in(answer)
    assert problem is not None
    assert (problem["status"], problem["code"]) == (409, "conflict")
