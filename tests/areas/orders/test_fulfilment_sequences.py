"""Fulfilments, returns and cancellations, in sequences and races, keep units and stock right."""

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.inventory.stock import check_ledger
from tests.areas.orders.checkout import post, stock_of, stocked_variant
from tests.areas.orders.fulfilled_order import OK, FulfilledOrder, Step
from tests.areas.orders.fulfilling import confirmed_order, counters, fulfil, order_now, take_step, try_fulfil

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

RACERS = 8
HEAD_STARTS = (0.0, 0.05, 0.3, 2.0)

# Sequences with the outcome of each step.
SHIPPED = [
    (("fulfil", (1, 1), None), "validation"),  # the first variant is reserved at two locations
    (("fulfil", (2, 1), 0), OK),
    (("delivery", 0, None), "invalid_transition"),
    (("shipment", 0, None), OK),
    (("cancellation", 0, None), "invalid_transition"),
    (("fulfil_shipped", (1, 0), 0), "out_of_stock"),  # the backordered unit
    (("receive", 1, 0), OK),
    (("fulfil_shipped", (1, 0), 0), OK),
    (("fulfil_shipped", (1, 1), 0), "out_of_stock"),  # a unit is at the second location
    (("fulfil_shipped", (1, 0), 1), OK),
    (("fulfil_shipped", (0, 1), 0), OK),
    (("fulfil_shipped", (0, 1), 0), "validation"),
    (("delivery", 0, None), OK),
]
CANCELLED = [
    (("fulfil", (2, 2), 0), OK),
    (("cancel_units", (3, 0), None), "validation"),
    (("cancel_units", (2, 0), None), OK),
    (("cancellation", 0, None), OK),
    (("shipment", 0, None), "invalid_transition"),
    (("cancel_units", (1, 2), None), OK),
    (("fulfil_shipped", (1, 0), None), OK),
    (("delivery", 1, None), OK),
]

RETURNED = [
    (("receive", 2, 0), OK),
    (("return", (1, 0), None), "invalid_transition"),
    (("fulfil_shipped", (3, 1), 0), OK),
    (("return", (2, 1), None), OK),
    (("return_received", (2, 0), None), "validation"),
    (("undeliverable", 0, None), "conflict"),
    (("return_receipt", 0, 1), OK),  # fewer units than were requested
    (("return_cancellation", 0, None), "invalid_transition"),
    (("return_received", (1, 0), 0), OK),
    (("fulfil_shipped", (0, 1), 0), OK),
    (("undeliverable", 1, None), OK),
    (("cancel_units", (1, 0), None), OK),
    (("delivery", 0, None), OK),
    (("return", (1, 1), None), "validation"),
    (("return", (1, 0), None), OK),
    (("return_receipt", 2, 0), "validation"),
    (("return_receipt", 2, None), OK),
    (("return", (1, 0), None), "invalid_transition"),
]
WITHDRAWN = [
    (("fulfil_shipped", (2, 0), 0), OK),
    (("fulfil", (0, 2), None), OK),
    (("withdraw", (1, 0), None), OK),
    (("withdraw", (2, 1), None), OK),  # one of them is packed
    (("return_rejection", 1, None), OK),
    (("withdraw", (0, 0), None), OK),
    (("withdraw", (0, 0), None), "invalid_transition"),
    (("delivery", 0, None), OK),
    (("return_receipt", 2, None), OK),
]


@pytest.mark.parametrize("sequence", [SHIPPED, CANCELLED, RETURNED, WITHDRAWN])
async def test_a_sequence_of_steps_keeps_units_and_ledger(
    app: "TradepostApp", staff: httpx.AsyncClient, sequence: list[tuple[Step, str]]
) -> None:
    order = await FulfilledOrder.prepare(app, staff)
    order.client, order.order = await confirmed_order(app, staff, *order.ordered)
    await order.check()
    for step, outcome in sequence:
        assert await order.run(*step) == outcome, step
        await order.check()


async def race(app: "TradepostApp", staff: httpx.AsyncClient, favourite: str, head_start: float) -> str:
    """Ship and cancel an order many times at once. One kind has a head start; return the winner."""
    variant = await stocked_variant(app, staff, 5)
    client, order = await confirmed_order(app, staff, (variant, 2))
    fulfilment = await fulfil(staff, order, 2)

    async def take(kind: str) -> httpx.Response:
        await asyncio.sleep(0 if kind == favourite else head_start)
        if kind == "shipment":
            return await take_step(staff, fulfilment, "shipment")
        return await post(client, f"/v1/orders/{order['id']}/cancellation")

    kinds = ["shipment", "cancellation"] * RACERS
    answers = await asyncio.gather(*[take(kind) for kind in kinds])
    [winner] = [kind for kind, answer in zip(kinds, answers, strict=True) if answer.status_code == 200]
    codes = {(answer.status_code, answer.json()["code"]) for answer in answers if answer.status_code != 200}
    assert codes <= {(409, "invalid_transition"), (409, "conflict")}
    after, is_shipped = await order_now(client, order), winner == "shipment"
    assert after["status"] == ("confirmed" if is_shipped else "cancelled")
    assert counters(after) == [(2, 0) if is_shipped else (0, 2)]
    assert after["fulfilment_status"] == ("fulfilled" if is_shipped else "unfulfilled")
    assert await stock_of(app, variant) == (3 if is_shipped else 5, 0)
    await check_ledger(app, variant)
    return winner


@pytest.mark.parametrize("favourite", ["shipment", "cancellation"])
async def test_of_shipment_and_cancellation_one_wins(
    app: "TradepostApp", staff: httpx.AsyncClient, favourite: str
) -> None:
    """Each kind wins, at the latest with the longest head start."""
    for head_start in HEAD_STARTS:
        winner = await race(app, staff, favourite, head_start)
        if winner == favourite:
            return
    pytest.fail(f"`{favourite}` never wins")


async def test_of_many_fulfilments_of_the_same_units_one_is_created(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await stocked_variant(app, staff, 5)
    _, order = await confirmed_order(app, staff, (variant, 3))
    answers = await asyncio.gather(*[try_fulfil(staff, order, 2, shipped=True) for _ in range(RACERS)])
    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(refused) == RACERS - 1
    codes = {(answer.status_code, answer.json()["code"]) for answer in refused}
    assert codes <= {(422, "validation"), (409, "conflict")}
    assert (422, "validation") in codes
    assert await stock_of(app, variant) == (3, 1)
