"""Callers who return the same units at once, and steps of one return that race."""

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.inventory.stock import check_ledger
from tests.areas.orders.checkout import stock_of, stocked_variant
from tests.areas.orders.fulfilling import confirmed_order, counters, fulfil, order_now, take_step
from tests.areas.orders.returning import give_back, shipped_order, take_return_step, try_return

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

RACERS = 8
HEAD_STARTS = (0.0, 0.05, 0.3, 2.0)
STEPS = {"receipt": "received", "rejection": "rejected", "cancellation": "cancelled"}
"""The steps of a requested return, and where they lead to."""
LOST = {(409, "invalid_transition"), (409, "conflict")}


def refusals(answers: list[httpx.Response]) -> set[tuple[int, str]]:
    """Return the problems of the calls that failed."""
    return {(answer.status_code, answer.json()["code"]) for answer in answers if answer.status_code >= 300}


@pytest.mark.parametrize("kind", ["return", "withdrawal"])
async def test_of_many_returns_of_the_same_units_one_is_created(
    app: "TradepostApp", staff: httpx.AsyncClient, kind: str
) -> None:
    client, order = await shipped_order(app, staff, (await stocked_variant(app, staff, 5), 3))
    callers = [client, staff] * (RACERS // 2)
    answers = await asyncio.gather(*[try_return(caller, order, 2, kind=kind) for caller in callers])
    assert [answer.status_code for answer in answers].count(201) == 1
    assert (422, "validation") in refusals(answers)
    assert refusals(answers) <= {(422, "validation"), (409, "conflict")}
    [row] = (await staff.get(f"/v1/orders/{order['id']}/returns")).json()["data"]
    assert row["status"] == "requested"


async def race(app: "TradepostApp", staff: httpx.AsyncClient, favourite: str, head_start: float) -> str:
    """Take the steps of a return many times at once, one with a head start. Return the winner."""
    variant = await stocked_variant(app, staff, 5)
    client, order = await shipped_order(app, staff, (variant, 2))
    row = await give_back(client, order, 2)

    async def take(step: str) -> httpx.Response:
        await asyncio.sleep(0 if step == favourite else head_start)
        return await take_return_step(client if step == "cancellation" else staff, row, step)

    steps = [*STEPS] * (RACERS // 2)
    answers = await asyncio.gather(*[take(step) for step in steps])
    [winner] = [step for step, answer in zip(steps, answers, strict=True) if answer.status_code == 200]
    assert refusals(answers) <= LOST
    assert (await client.get(f"/v1/returns/{row['id']}")).json()["status"] == STEPS[winner]
    is_received = winner == "receipt"
    after = await order_now(client, order)
    assert [line["returned"] for line in after["lines"]] == [2 if is_received else 0]
    assert after["fulfilment_status"] == ("returned" if is_received else "fulfilled")
    assert await stock_of(app, variant) == (5 if is_received else 3, 0)
    await check_ledger(app, variant)
    return winner


@pytest.mark.parametrize("favourite", [*STEPS])
async def test_of_the_steps_of_a_return_one_wins(app: "TradepostApp", staff: httpx.AsyncClient, favourite: str) -> None:
    """Each kind wins, at the latest with the longest head start."""
    for head_start in HEAD_STARTS:
        if await race(app, staff, favourite, head_start) == favourite:
            return
    pytest.fail(f"`{favourite}` never wins")


@pytest.mark.parametrize("favourite", ["shipment", "withdrawal"])
async def test_an_order_that_is_withdrawn_while_it_ships_is_cancelled_or_comes_back(
    app: "TradepostApp", staff: httpx.AsyncClient, favourite: str
) -> None:
    for head_start in HEAD_STARTS:
        variant = await stocked_variant(app, staff, 5)
        client, order = await confirmed_order(app, staff, (variant, 2))
        parcel = await fulfil(staff, order, 2)

        async def ship(delay: float, parcel: dict[str, str] = parcel) -> httpx.Response:
            await asyncio.sleep(delay)
            return await take_step(staff, parcel, "shipment")

        async def withdraw(
            delay: float, client: httpx.AsyncClient = client, order: dict[str, str] = order
        ) -> httpx.Response:
            await asyncio.sleep(delay)
            return await try_return(client, order, kind="withdrawal")

        shipment, withdrawal = await asyncio.gather(
            ship(0 if favourite == "shipment" else head_start),
            withdraw(0 if favourite == "withdrawal" else head_start),
        )
        after = await order_now(client, order)
        is_shipped = shipment.status_code == 200
        assert refusals([shipment]) <= LOST
        assert (withdrawal.status_code, withdrawal.json()["status"]) == (
            201,
            "requested" if is_shipped else "received",
        )
        assert after["status"] == ("confirmed" if is_shipped else "cancelled")
        assert counters(after) == [(2, 0) if is_shipped else (0, 2)]
        assert await stock_of(app, variant) == (3 if is_shipped else 5, 0)
        await check_ledger(app, variant)
        if is_shipped == (favourite == "shipment"):
            return
    pytest.fail(f"`{favourite}` never comes first")
