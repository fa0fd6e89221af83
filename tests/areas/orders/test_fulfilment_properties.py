"""Any sequence of fulfilments, returns, steps and cancellations keeps units and stock right."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.areas.inventory.stock import check_ledger, levels_of, main_location, new_location, put
from tests.areas.orders.checkout import post, stock_of, stocked_variant
from tests.areas.orders.fulfilling import confirmed_order, counters, fulfil, order_now, take_step, try_fulfil, units
from tests.areas.orders.returning import take_return_step, try_return
from tests.factories import Json
from tests.figures import scaled

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

RACERS = 8
HEAD_STARTS = (0.0, 0.05, 0.3, 2.0)
OK = "ok"
REFUSALS = {"validation", "invalid_transition", "out_of_stock", "conflict"}
FIELDS = (
    "status,fulfilment_status,lines{id,quantity,shipped,cancelled,returned},"
    "fulfilments{status,lines{order_line_id,quantity}},returns{status,lines{order_line_id,quantity,restock}}"
)
ORDERED = (4, 2)
QUANTITIES = st.tuples(st.integers(0, 3), st.integers(0, 2))
INDEXES = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("fulfil"), QUANTITIES, st.sampled_from([None, 0, 1])),
    st.tuples(st.just("fulfil_shipped"), QUANTITIES, st.sampled_from([None, 0, 1])),
    st.tuples(st.sampled_from(["shipment", "delivery", "cancellation", "undeliverable"]), INDEXES, st.none()),
    st.tuples(st.sampled_from(["return", "return_received", "withdraw"]), QUANTITIES, st.sampled_from([None, 0, 1])),
    st.tuples(st.just("return_receipt"), INDEXES, st.sampled_from([None, 0, 1])),
    st.tuples(st.sampled_from(["return_rejection", "return_cancellation"]), INDEXES, st.none()),
    st.tuples(st.just("cancel_units"), QUANTITIES, st.none()),
    st.tuples(st.just("receive"), st.integers(1, 2), st.sampled_from([0, 1])),
)

type Step = tuple[str, Any, int | None]


class FulfilledOrder:
    """An order of two variants that are stored at two locations, its fulfilments and returns."""

    def __init__(self, app: "TradepostApp", staff: httpx.AsyncClient, variants: list[str], places: list[str]) -> None:
        self.app, self.staff, self.variants, self.places = app, staff, variants, places
        self.order: Json = {}
        self.client = staff
        self.fulfilments: list[Json] = []
        self.returns: list[Json] = []
        self.received: list[int] = []

    async def run(self, kind: str, value: Any, place: int | None) -> str:
        """Take one step, and return OK or the code of its problem."""
        match kind:
            case "fulfil" | "fulfil_shipped":
                members = {} if place is None else {"location_id": self.places[place]}
                answer = await try_fulfil(self.staff, self.order, *value, shipped=kind == "fulfil_shipped", **members)
                if answer.status_code == 201:
                    self.fulfilments.append(answer.json())
            case "return" | "return_received" | "withdraw":
                answer = await self.give_back(kind, value, place)
                if answer.status_code == 201:
                    self.returns.append(answer.json())
            case "return_receipt" | "return_rejection" | "return_cancellation":
                if value >= len(self.returns):
                    return OK
                body = {} if place is None else {"lines": self.parts((1, 1), place)}
                answer = await take_return_step(self.staff, self.returns[value], kind.removeprefix("return_"), body)
            case "cancel_units":
                answer = await post(
                    self.staff, f"/v1/orders/{self.order['id']}/cancellation", {"lines": units(self.order, *value)}
                )
            case "receive":
                assert place is not None
                await put(self.app, self.variants[0], self.places[place], value)
                self.received[0] += value
                return OK
            case _:
                if value >= len(self.fulfilments):
                    return OK
                answer = await take_step(self.staff, self.fulfilments[value], kind)
        if answer.status_code < 300:
            return OK
        assert answer.json()["code"] in REFUSALS, answer.text
        return answer.json()["code"]

    async def give_back(self, kind: str, quantities: tuple[int, int], place: int | None) -> httpx.Response:
        """Return units, or withdraw from them; without units from the whole order."""
        if kind == "withdraw":
            lines = {"lines": units(self.order, *quantities)} if any(quantities) else {}
            return await try_return(self.client, self.order, kind="withdrawal", **lines)
        if kind == "return":
            return await try_return(self.client, self.order, *quantities)
        return await try_return(self.staff, self.order, received=True, lines=self.parts(quantities, place))

    def parts(self, quantities: tuple[int, int], place: int | None) -> list[Json]:
        """Return units that come back: by default restocked; 0: not; 1: at the second location."""
        members = {None: {}, 0: {"restock": False}, 1: {"location_id": self.places[1]}}[place]
        return [line | members for line in units(self.order, *quantities)]

    async def check(self) -> None:
        """Check counters and statuses against the rows below, and levels against the counters."""
        order = (await self.staff.get(f"/v1/orders/{self.order['id']}", params={"fields": FIELDS})).json()
        shipped, packed = Counter[str](), Counter[str]()
        for fulfilment in order["fulfilments"]:
            for line in fulfilment["lines"]:
                if fulfilment["status"] in ("shipped", "delivered", "returned"):
                    shipped[line["order_line_id"]] += line["quantity"]
                elif fulfilment["status"] == "pending":
                    packed[line["order_line_id"]] += line["quantity"]
        requested, returned, restocked = returned_units(order["returns"])
        for line in order["lines"]:
            assert line["returned"] == returned[line["id"]]
            assert requested[line["id"]] + line["returned"] <= line["shipped"]
            assert line["shipped"] == shipped[line["id"]]
            assert line["shipped"] + packed[line["id"]] <= line["quantity"] - line["cancelled"]
        is_done = all(line["shipped"] + line["cancelled"] == line["quantity"] for line in order["lines"])
        on_the_way = [f for f in order["fulfilments"] if f["status"] in ("pending", "shipped")]
        assert (order["status"] in ("completed", "cancelled")) == (is_done and not on_the_way)
        assert order["fulfilment_status"] == fulfilment_status(order["lines"])
        await check_ledger(self.app, *self.variants)
        for variant, received, line in zip(self.variants, self.received, order["lines"], strict=True):
            levels = (await levels_of(self.app, variant)).values()
            assert sum([on_hand for on_hand, _ in levels]) == received - line["shipped"] + restocked[line["id"]]
            assert sum([reserved for _, reserved in levels]) == line["quantity"] - line["shipped"] - line["cancelled"]


def returned_units(returns: list[Json]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Return the units in requested and in received returns, and those restocked, by line."""
    requested, returned, restocked = Counter[str](), Counter[str](), Counter[str]()
    for row in returns:
        for line in row["lines"]:
            requested[line["order_line_id"]] += line["quantity"] if row["status"] == "requested" else 0
            returned[line["order_line_id"]] += line["quantity"] if row["status"] == "received" else 0
            restocked[line["order_line_id"]] += (
                line["quantity"] if row["status"] == "received" and line["restock"] else 0
            )
    return requested, returned, restocked


def fulfilment_status(lines: list[Json]) -> str:
    """Return the expected fulfilment status of an order with these lines."""
    if not any(line["shipped"] for line in lines):
        return "unfulfilled"
    if any(line["returned"] for line in lines):
        is_kept = any(line["returned"] + line["cancelled"] < line["quantity"] for line in lines)
        return "partially_returned" if is_kept else "returned"
    is_complete = all(line["shipped"] + line["cancelled"] == line["quantity"] for line in lines)
    return "fulfilled" if is_complete else "partially_fulfilled"


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


@settings(max_examples=scaled(120, 10), deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=12), outcomes=st.none())
@example(steps=[step for step, _ in SHIPPED], outcomes=[outcome for _, outcome in SHIPPED])
@example(steps=[step for step, _ in CANCELLED], outcomes=[outcome for _, outcome in CANCELLED])
@example(steps=[step for step, _ in RETURNED], outcomes=[outcome for _, outcome in RETURNED])
@example(steps=[step for step, _ in WITHDRAWN], outcomes=[outcome for _, outcome in WITHDRAWN])
async def test_any_sequence_of_steps_keeps_units_and_ledger(
    app: "TradepostApp", staff: httpx.AsyncClient, steps: list[Step], outcomes: list[str] | None
) -> None:
    main, second = await main_location(app), await new_location(app, 1)
    variants = [await stocked_variant(app, staff, 2, allow_backorder=True), await stocked_variant(app, staff, 2)]
    await put(app, variants[0], second, 1)
    ordered = FulfilledOrder(app, staff, variants, [main, second])
    ordered.received = [3, 2]
    ordered.client, ordered.order = await confirmed_order(app, staff, *zip(variants, ORDERED, strict=True))
    await ordered.check()
    for index, step in enumerate(steps):
        outcome = await ordered.run(*step)
        assert outcomes is None or outcome == outcomes[index], step
        await ordered.check()


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
