"""A cart that is not open is neither changed nor ordered, through either door.

Its writes are not steps from status to status, so they are in no table of transitions.
"""

from typing import Any

import pytest
from sqlalchemy import select, update

from tests.factories import unique
from tests.parity.cases import FIRST_INPUTS, REGISTRY
from tests.parity.door_writer import DoorWriter
from tests.parity.harness import UNKNOWN_ID, ApiClient, DualDoorApp, client_with_role
from tests.parity.prepared_writes import PreparedWrite, new_owner, prepare, prepare_for
from tradepost.areas.carts.models import CartLineRow, CartRow
from tradepost.areas.carts.schemas import CartStatus
from tradepost.areas.orders.models import OrderRow
from tradepost.kit.clock import now
from tradepost.kit.ids import new_id
from tradepost.kit.writes.outbox import OutboxEvent

WRITES = ("cart_update", "cart_line_set", "cart_line_remove", "cart_claim", "order_place")
CLOSED = [status.value for status in CartStatus if status is not CartStatus.OPEN]


def cart_of(prepared: PreparedWrite) -> str:
    """Return the id of the cart that a write is about."""
    return prepared.key or (prepared.body or {})["cart_id"]


async def close(harness: DualDoorApp, cart_id: str, status: str) -> str:
    """Put a cart into a status, as the write that leads to it does. Return the id of an order."""
    order_id, columns = str(new_id(OrderRow.__number__)), dict[str, Any]()
    if status == "completed":
        columns = {"order_id": order_id, "completed_at": now()}
    elif status == "merged":
        columns = {"token_hash": None}
    async with harness.app.state.database.transaction() as session:
        await session.execute(update(CartRow).where(CartRow.id == cart_id).values(status=status, **columns))
    return order_id


async def stored(harness: DualDoorApp, cart_id: str, request_ids: list[str]) -> list[Any]:
    """Return the cart, its lines, the orders placed from it, and the events of some requests."""
    queries = (
        select(CartRow.__table__).where(CartRow.id == cart_id),
        select(CartLineRow.__table__).where(CartLineRow.cart_id == cart_id),
        select(OrderRow.id).where(OrderRow.cart_id == cart_id),
        select(OutboxEvent.id).where(OutboxEvent.request_id.in_(request_ids)),
    )
    async with harness.app.state.database.engine.connect() as connection:
        return [(await connection.execute(query)).all() for query in queries]


def test_every_write_to_a_cart_is_tried() -> None:
    below = {n for n, o in REGISTRY.operations.items() if o.is_write and o.path_parameters and o.result.name == "Cart"}
    assert set(WRITES) == below | {"order_place"}


@pytest.mark.parametrize("door", ["rest", "graphql"])
@pytest.mark.parametrize("status", CLOSED)
@pytest.mark.parametrize("operation", WRITES)
async def test_a_closed_cart_is_neither_changed_nor_ordered(
    harness: DualDoorApp, operation: str, status: str, door: str
) -> None:
    prepared, request_id = await prepare(harness, FIRST_INPUTS[operation]), unique("closed")
    order_id = await close(harness, cart_of(prepared), status)
    before = await stored(harness, cart_of(prepared), [request_id])
    writer = DoorWriter(harness, prepared.caller, operation)
    writer.headers["X-Request-ID"] = request_id
    code, http_status, *_ = await writer.write(door, "id", **prepared.arguments)
    # The secret of a guest's cart opens an open or a completed one only.
    is_hidden = operation == "cart_claim" and status != "completed"
    assert (code, http_status) == (("not_found", 404) if is_hidden else ("invalid_transition", 409))
    assert await stored(harness, cart_of(prepared), [request_id]) == before
    if status == "completed":
        answers = [await problem_text(writer, door, prepared) for door in ("rest", "graphql")]
        assert all(order_id in text for text in answers), answers


async def problem_text(writer: DoorWriter, door: str, prepared: PreparedWrite) -> str:
    """Return the whole answer of a door to a write that is refused, as text."""
    if door == "rest":
        method, path, request = writer.rest_request("id", **prepared.arguments)
        return (await writer.caller.rest(method, path, **request)).text
    text, variables = writer.document("id", **prepared.arguments)
    return str(await writer.caller.post(text, variables, writer.request_headers()))


async def others(harness: DualDoorApp) -> list[ApiClient]:
    """Return callers that may not see the cart: another customer and another guest."""
    return [await client_with_role(harness, "customer"), harness.guest]


@pytest.mark.parametrize("operation", WRITES)
async def test_another_person_gets_the_answer_for_an_unknown_cart_and_not_the_order(
    harness: DualDoorApp, operation: str
) -> None:
    valid = FIRST_INPUTS[operation]
    mark = unique("m").replace("-", "")
    owner = await new_owner(harness, valid.write, mark)
    own = await prepare_for(harness, valid, harness.customer, owner, mark)
    cart = cart_of(own)
    order_id = await close(harness, cart, "completed")
    for caller in await others(harness):
        writer, texts = DoorWriter(harness, caller, operation), dict[str, list[str]]()
        for id in (cart, UNKNOWN_ID):
            keys = tuple([id if key == cart else key for key in own.keys])
            body = own.body and {name: id if value == cart else value for name, value in own.body.items()}
            tried = PreparedWrite(caller, keys, body, None, mark)
            for door in ("rest", "graphql"):
                outcome = await writer.write(door, "id", **tried.arguments)
                assert outcome[:2] in [("not_found", 404), ("unauthenticated", 401)]
                assert order_id not in await problem_text(writer, door, tried)
                texts.setdefault(door, []).append(repr(outcome).replace(id, "it"))
        assert texts["rest"][0] == texts["rest"][1] == texts["graphql"][0] == texts["graphql"][1]
