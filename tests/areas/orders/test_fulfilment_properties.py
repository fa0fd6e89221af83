"""Any sequence of fulfilments, steps and cancellations keeps the invariants of units and stock."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.areas.inventory.stock import check_ledger, levels_of, main_location, new_location, put
from tests.areas.orders.checkout import post, stock_of, stocked_variant
from tests.areas.orders.parcels import confirmed_order, counters, fulfil, order_now, take_step, try_fulfil, units
from tests.factories import Json

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

ROUNDS, RACERS = 6, 8
ORDERED = (4, 2)
QUANTITIES = st.tuples(st.integers(0, 3), st.integers(0, 2))
INDEXES = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("fulfil"), QUANTITIES, st.sampled_from([None, 0, 1])),
    st.tuples(st.just("fulfil_shipped"), QUANTITIES, st.sampled_from([None, 0, 1])),
    st.tuples(st.sampled_from(["shipment", "delivery", "cancellation"]), INDEXES, st.none()),
    st.tuples(st.just("cancel_units"), QUANTITIES, st.none()),
    st.tuples(st.just("receive"), st.integers(1, 2), st.sampled_from([0, 1])),
)


class Parcels:
    """An order of two variants that are stored at two locations, and its fulfilments."""

    def __init__(self, app: "TradepostApp", staff: httpx.AsyncClient, variants: list[str], places: list[str]) -> None:
        self.app, self.staff, self.variants, self.places = app, staff, variants, places
        self.order: Json = {}
        self.fulfilments: list[Json] = []

    async def run(self, kind: str, value: Any, place: int | None) -> None:
        """Take one step. It may be refused."""
        match kind:
            case "fulfil" | "fulfil_shipped":
                members = {} if place is None else {"location_id": self.places[place]}
                answer = await try_fulfil(self.staff, self.order, *value, shipped=kind == "fulfil_shipped", **members)
                if answer.status_code == 201:
                    self.fulfilments.append(answer.json())
            case "cancel_units":
                answer = await post(
                    self.staff, f"/v1/orders/{self.order['id']}/cancellation", {"lines": units(self.order, *value)}
                )
            case "receive":
                assert place is not None
                await put(self.app, self.variants[0], self.places[place], value)
                return
            case _:
                if value >= len(self.fulfilments):
                    return
                answer = await take_step(self.staff, self.fulfilments[value], kind)
        assert answer.status_code in (200, 201, 409, 422), answer.text

    async def check(self) -> None:
        """Check the counters against the fulfilments, and the levels against the ledger."""
        fields = {"fields": "status,fulfilment_status,lines{id,quantity,shipped,cancelled},fulfilments{status,lines}"}
        fields["fields"] = fields["fields"].replace("lines}", "lines{order_line_id,quantity}}")
        order = (await self.staff.get(f"/v1/orders/{self.order['id']}", params=fields)).json()
        shipped, packed = Counter[str](), Counter[str]()
        for fulfilment in order["fulfilments"]:
            for line in fulfilment["lines"]:
                if fulfilment["status"] in ("shipped", "delivered"):
                    shipped[line["order_line_id"]] += line["quantity"]
                elif fulfilment["status"] == "pending":
                    packed[line["order_line_id"]] += line["quantity"]
        for line in order["lines"]:
            assert line["shipped"] == shipped[line["id"]]
            assert line["shipped"] + packed[line["id"]] <= line["quantity"] - line["cancelled"]
        is_done = all(line["shipped"] + line["cancelled"] == line["quantity"] for line in order["lines"])
        on_the_way = [f for f in order["fulfilments"] if f["status"] in ("pending", "shipped")]
        assert (order["status"] in ("completed", "cancelled")) == (is_done and not on_the_way)
        await check_ledger(self.app, *self.variants)
        for variant, line in zip(self.variants, order["lines"], strict=True):
            levels = [level for (id, _), level in (await levels_of(self.app, variant)).items() if id == variant]
            assert sum([reserved for _, reserved in levels]) == line["quantity"] - line["shipped"] - line["cancelled"]


@settings(max_examples=12)
@given(steps=st.lists(STEPS, min_size=1, max_size=12))
async def test_any_sequence_of_steps_keeps_units_and_ledger(
    app: "TradepostApp", staff: httpx.AsyncClient, steps: list[tuple[str, Any, int | None]]
) -> None:
    main, second = await main_location(app), await new_location(app, 1)
    variants = [await stocked_variant(app, staff, 2, allow_backorder=True), await stocked_variant(app, staff, 2)]
    await put(app, variants[0], second, 1)
    parcels = Parcels(app, staff, variants, [main, second])
    _, parcels.order = await confirmed_order(app, staff, *zip(variants, ORDERED, strict=True))
    await parcels.check()
    for one in steps:
        await parcels.run(*one)
        await parcels.check()


async def test_of_shipment_and_cancellation_one_wins(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    winners = Counter[str]()
    for _ in range(ROUNDS):
        variant = await stocked_variant(app, staff, 5)
        client, order = await confirmed_order(app, staff, (variant, 2))
        fulfilment = await fulfil(staff, order, 2)
        path = f"/v1/orders/{order['id']}/cancellation"
        calls = [[take_step(staff, fulfilment, "shipment"), post(client, path)] for _ in range(RACERS)]
        answers = await asyncio.gather(*[call for pair in calls for call in pair])
        assert {answer.status_code for answer in answers} <= {200, 409, 503}
        assert len([answer for answer in answers if answer.status_code == 200]) == 1
        after = await order_now(client, order)
        winners[after["status"]] += 1
        is_shipped = after["status"] == "confirmed"
        assert counters(after) == [(2, 0) if is_shipped else (0, 2)]
        assert after["fulfilment_status"] == ("fulfilled" if is_shipped else "unfulfilled")
        assert await stock_of(app, variant) == (3 if is_shipped else 5, 0)
        await check_ledger(app, variant)
    assert set(winners) <= {"confirmed", "cancelled"}


async def test_of_many_fulfilments_of_the_same_units_one_is_created(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await stocked_variant(app, staff, 5)
    _, order = await confirmed_order(app, staff, (variant, 3))
    answers = await asyncio.gather(*[try_fulfil(staff, order, 2, shipped=True) for _ in range(RACERS)])
    counts = Counter(answer.status_code for answer in answers)
    assert counts[201] == 1
    assert set(counts) <= {201, 409, 422, 503}
    assert await stock_of(app, variant) == (3, 1)
