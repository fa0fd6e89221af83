"""One story of a shop, played through REST, through GraphQL, and with another door at every step.

A guest browses and fills a cart, signs in, claims it, orders and pays; the goods ship in two parts
and arrive, and some of them come back. A second order is cancelled, a third one expires, and a
fourth one is withdrawn. Answers, timelines, events and audit entries are the same each time.
"""

import itertools
from collections.abc import Iterator
from datetime import timedelta

from tests.factories import Json
from tests.parity.harness import ApiClient, DualDoorApp
from tests.parity.story import (
    ADDRESS,
    CART,
    FULFILMENT,
    ORDER,
    PAYMENT,
    QUOTE,
    RETURN,
    Story,
    goods,
    log_in,
    order_again,
    place,
    recorded,
    shipping_method,
)
from tests.users import http_client
from tradepost.areas.orders.service import expire_orders
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.clock import now
from tradepost.kit.writes.call_context import CallContext


async def tell(harness: DualDoorApp, doors: Iterator[str]) -> Story:
    """Tell the story."""
    story, staff, product_id, variants = Story(harness, doors), harness.staff, *(await goods(harness))
    first, second = variants
    story.subjects |= {product_id, *variants}
    guest = ApiClient("guest", http_client(harness.app), frozenset())
    await story.read(guest, "product_get", "name,status,variants{sku,price,availability}", product_id)
    cart = await story.write(
        guest, "cart_create", f"{CART},token", body={"lines": [{"variant_id": first, "quantity": 1}]}
    )
    guest.client.headers["X-Cart-Token"] = cart["token"]
    await story.write(guest, "cart_line_set", CART, (cart["id"], second), {"quantity": 3})
    await story.write(guest, "cart_line_set", CART, (cart["id"], second), {"quantity": 2})
    await story.read(guest, "cart_quote", QUOTE, cart["id"])

    customer, email = await log_in(story, guest)
    own = await story.write(customer, "cart_create", CART, body={"lines": [{"variant_id": first, "quantity": 1}]})
    customer.client.headers["X-Cart-Token"] = cart["token"]
    claimed = await story.write(customer, "cart_claim", CART, cart["id"])
    del customer.client.headers["X-Cart-Token"]
    assert claimed["id"] == own["id"]
    [listed] = await story.read(customer, "cart_list", CART, status="open")
    assert listed["id"] == own["id"]
    method = await shipping_method(harness)
    patch = {"email": email, "shipping_address": ADDRESS, "shipping_method_id": method}
    await story.write(customer, "cart_update", CART, own["id"], patch)

    order = await place(story, customer, own["id"])
    payment = await story.write(
        customer, "payment_create", PAYMENT, order["id"], {"provider": "manual", "method": "bank_transfer"}
    )
    await story.write(staff, "payment_capture", PAYMENT, payment["id"], {})
    paid = await story.read(customer, "order_get", ORDER, order["id"])
    assert (paid["status"], paid["payment_status"]) == ("confirmed", "paid")
    await deliver(story, staff, customer, paid)
    await give_back(story, staff, customer, paid)

    cancelled = await order_again(story, customer, first, patch)
    await story.write(customer, "order_cancel", ORDER, cancelled["id"], {"reason": "Ordered twice."})
    expired = await order_again(story, customer, second, patch)
    await expire(harness)
    assert (await story.read(customer, "order_get", ORDER, expired["id"]))["status"] == "expired"
    withdrawn = await order_again(story, customer, second, patch)
    await story.write(customer, "order_return", RETURN, withdrawn["id"], {"kind": "withdrawal", "reason": "Too late."})
    assert (await story.read(customer, "order_get", ORDER, withdrawn["id"]))["status"] == "cancelled"
    for placed in (order, cancelled, expired, withdrawn):
        await story.read(staff, "order_event_list", "type,actor,data", placed["id"])
    await story.read(staff, "order_payment_list", PAYMENT, order["id"])
    for variant in variants:
        await story.read(staff, "variant_stock", "on_hand,reserved,available", variant)
        await story.read(staff, "stock_movement_list", "kind,on_hand_delta,reserved_delta,reason", variant)
    return story


async def deliver(story: Story, staff: ApiClient, customer: ApiClient, order: Json) -> None:
    """Ship an order in two parts, of which the first is packed twice, and deliver both."""
    lines = await story.read(customer, "order_line_list", "id,quantity", order["id"])
    rest = [{"order_line_id": line["id"], "quantity": line["quantity"]} for line in lines]
    rest[1]["quantity"] -= 1
    parts = [[rest[1] | {"quantity": 1}], rest]
    first = await story.write(staff, "fulfilment_create", FULFILMENT, order["id"], {"lines": parts[0]})
    await story.write(staff, "fulfilment_cancel", FULFILMENT, first["id"])
    first = await story.write(staff, "fulfilment_create", FULFILMENT, order["id"], {"lines": parts[0]})
    await story.write(staff, "fulfilment_update", FULFILMENT, first["id"], {"carrier": "DHL"})
    await story.write(staff, "fulfilment_ship", FULFILMENT, first["id"], {"tracking_number": "0034"})
    assert (await story.read(customer, "order_get", ORDER, order["id"]))["fulfilment_status"] == "partially_fulfilled"
    body = {"lines": parts[1], "shipped": True}
    second = await story.write(staff, "fulfilment_create", FULFILMENT, order["id"], body)
    for fulfilment in (first, second):
        await story.write(staff, "fulfilment_deliver", FULFILMENT, fulfilment["id"])
    await story.read(customer, "order_fulfilment_list", FULFILMENT, order["id"])
    await story.read(staff, "fulfilment_get", FULFILMENT, first["id"])
    completed = await story.read(customer, "order_get", ORDER, order["id"])
    assert (completed["status"], completed["fulfilment_status"]) == ("completed", "fulfilled")


async def give_back(story: Story, staff: ApiClient, customer: ApiClient, order: Json) -> None:
    """Return units of a delivered order: some are received, some are not."""
    lines = await story.read(customer, "order_line_list", "id", order["id"])
    unit = {"order_line_id": lines[1]["id"], "quantity": 1}
    received = await story.write(
        customer, "order_return", RETURN, order["id"], {"lines": [unit], "reason": "Too small."}
    )
    body = {"lines": [unit | {"restock": False}]}
    received = await story.write(staff, "return_receive", RETURN, received["id"], body)
    cancelled = await story.write(customer, "order_return", RETURN, order["id"], {"lines": [unit]})
    await story.write(customer, "return_cancel", RETURN, cancelled["id"])
    rejected = await story.write(customer, "order_return", RETURN, order["id"], {"kind": "withdrawal"})
    await story.write(staff, "return_reject", RETURN, rejected["id"], {"reason": "It was used."})
    await story.write(staff, "order_return", RETURN, order["id"], {"lines": [unit], "received": True})
    await story.read(customer, "order_return_list", RETURN, order["id"])
    await story.read(customer, "return_list", RETURN, status="rejected")
    await story.read(customer, "return_get", RETURN, received["id"])
    assert (await story.read(customer, "order_get", ORDER, order["id"]))["fulfilment_status"] == "partially_returned"


async def expire(harness: DualDoorApp) -> None:
    """Let the worker expire orders as if two hours had passed."""
    app = harness.app
    context = CallContext(
        ANONYMOUS,
        app.state.database,
        clock=lambda: now() + timedelta(hours=2),
        door="worker",
        dependencies=app.state.dependencies,
    )
    await expire_orders.function(context)


async def test_the_story_is_the_same_at_every_door(harness: DualDoorApp) -> None:
    orders = {
        "rest": itertools.repeat("rest"),
        "graphql": itertools.repeat("graphql"),
        "rest first": itertools.cycle(["rest", "graphql"]),
        "graphql first": itertools.cycle(["graphql", "rest"]),
    }
    stories = {name: await tell(harness, doors) for name, doors in orders.items()}
    expected = stories["rest"]
    events, entries = await recorded(expected)
    types = [type for type, *_ in events]
    assert {"order.placed", "order.confirmed", "order.paid", "order.cancelled", "order.expired"} <= set(types)
    assert {"product.created", "stock.available", "stock.low", "payment.captured"} <= set(types)
    assert {"order.completed", "fulfilment.shipped", "fulfilment.delivered", "fulfilment.cancelled"} <= set(types)
    assert {"return.requested", "return.received", "return.rejected", "return.cancelled"} <= set(types)
    assert [type for type, *_ in entries] == [type for type in types if not type.startswith("mail.")]
    for name, story in stories.items():
        for (operation, answer), (_, other) in zip(expected.answers, story.answers, strict=True):
            assert expected.masked(answer) == story.masked(other), f"{operation} in the story `{name}`"
        assert await recorded(story) == (events, entries), name
