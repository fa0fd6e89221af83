"""An order as a state machine: fulfilments, returns and cancellations, and what must hold."""

from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import httpx
from hypothesis import strategies as st

from tests.areas.inventory.stock import check_ledger, levels_of, main_location, new_location, put
from tests.areas.orders.checkout import post, stocked_variant
from tests.areas.orders.fulfilling import take_step, try_fulfil, units
from tests.areas.orders.returning import take_return_step, try_return
from tests.factories import Json

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

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
        self.received = [3, 2]

    @classmethod
    async def prepare(cls, app: "TradepostApp", staff: httpx.AsyncClient) -> Self:
        """Store 2 and 1 units of a variant that can be backordered, and 2 of another."""
        places = [await main_location(app), await new_location(app, 1)]
        variants = [await stocked_variant(app, staff, 2, allow_backorder=True), await stocked_variant(app, staff, 2)]
        await put(app, variants[0], places[1], 1)
        return cls(app, staff, variants, places)

    @property
    def ordered(self) -> list[tuple[str, int]]:
        """The variants with the units to order."""
        return list(zip(self.variants, ORDERED, strict=True))

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
