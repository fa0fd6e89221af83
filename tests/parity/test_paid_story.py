"""The life of an order that is paid by card, played through each API and with another at each step.

A customer orders, is declined once, and pays with 3-D Secure. The goods ship in two parts and
arrive; one of three comes back and is refunded. Another order is withdrawn. Once with the provider
`fake`, and once with `stripe` and a local server that speaks its API. The answers, timelines and
events are the same each time.

The provider's webhooks are left out, so that it is always the customer's return that tells of a
payment: tests/areas/payments covers webhooks.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from tests.app_client import HERE, AppClient
from tests.areas.orders.shop_app import staff_client
from tests.areas.payments.providers.stripe_bench import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET, bench_over_tcp
from tests.factories import Json
from tests.parity.harness import ApiClient, DualDoorApp
from tests.parity.story import (
    ADDRESS,
    CART,
    FULFILMENT,
    ORDER,
    PAYMENT,
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
from tradepost.areas.pricing.payment_method_setting import parse_payment_methods
from tradepost.fake_provider import FakeProviderApp

if TYPE_CHECKING:
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

type Pay = Callable[[Json, str], Awaitable[None]]
"""Pays a payment at its provider with a test card, by its name."""

DECLINED, SECURE, VISA = "declined", "3-D Secure", "visa"
NUMBERS = {DECLINED: "4000000000000002", SECURE: "4000000000003220", VISA: "4242424242424242"}
METHODS = {DECLINED: "pm_card_visa_chargeDeclined", SECURE: "pm_card_threeDSecure2Required", VISA: "pm_card_visa"}
REFUND = "id,payment_id,amount,shipping,tax_lines,reason,status,lines{order_line_id,quantity,amount}"
MONEY = "id,status,payment_status,fulfilment_status,grand_total,cancelled_total,authorized,captured,refunded"
STEP = 0.02
"""Seconds between two looks at what the worker has done."""


@asynccontextmanager
async def fake_shop(settings: "Settings", folder: Path) -> AsyncGenerator[tuple[Any, Pay]]:
    """Run an app with the provider `fake`, and yield it with its payer."""

    async def ignore(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with running(settings, "fake") as app:
        simulator = app.state.dependencies.require(FakeProviderApp)
        simulator.shop, simulator.store = ignore, folder / "simulator.db"
        browser = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE)

        async def pay(payment: Json, card: str) -> None:
            page = payment["next_action"]["url"]
            answer = await browser.post(page, data={"number": NUMBERS[card], "expiry": "12/34", "cvc": "123"})
            assert answer.status_code == (402 if card == DECLINED else 303), answer.text
            if card == SECURE:
                answer = await browser.post(answer.headers["location"], data={"result": "complete"})
                assert answer.status_code == 303, answer.text

        async with browser:
            yield app, pay


@asynccontextmanager
async def stripe_shop(settings: "Settings", folder: Path) -> AsyncGenerator[tuple[Any, Pay]]:
    """Run an app with the provider `stripe` and a local server, and yield it with its payer."""
    async with bench_over_tcp(folder / "stripe.db") as bench:
        changes = {
            "stripe_secret_key": SECRET_KEY,
            "stripe_webhook_secret": (WEBHOOK_SECRET,),
            "stripe_api_url": bench.url,
        }

        async def pay(payment: Json, card: str) -> None:
            secret = payment["next_action"]["client_secret"]
            form = {"client_secret": secret, "payment_method": METHODS[card], "return_url": "https://shop.example/"}
            path = f"/v1/payment_intents/{secret.partition('_secret_')[0]}/confirm"
            headers = {"Authorization": f"Bearer {PUBLISHABLE_KEY}"}
            answer = await bench.client.post(path, data=form, headers=headers)
            assert answer.status_code == (402 if card == DECLINED else 200), answer.text
            if card == SECURE:
                url = answer.json()["next_action"]["redirect_to_url"]["url"]
                assert (await bench.client.post(url, data={"result": "complete"})).status_code == 303

        async with running(settings, "stripe", **changes) as app:
            yield app, pay


@asynccontextmanager
async def running(settings: "Settings", method: str, **changes: Any) -> AsyncGenerator[Any]:
    """Run an app with a worker that offers a method."""
    from tradepost.app import create_app

    methods = parse_payment_methods(method)
    app = create_app(msgspec.structs.replace(settings, payment_methods=methods, worker=True, mailer="file", **changes))
    async with app.lifespan():
        yield app


@pytest.fixture(params=[fake_shop, stripe_shop], ids=["fake", "stripe"])
async def shop(
    request: pytest.FixtureRequest, module_settings: "Settings", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[DualDoorApp, Pay, str]]:
    """A shop with a provider, the payer, and the provider's name."""
    monkeypatch.chdir(tmp_path)
    async with request.param(module_settings, tmp_path) as (app, pay), staff_client(app) as staff:
        provider = "fake" if request.param is fake_shop else "stripe"
        yield await DualDoorApp.create(app, AppClient(app), staff), pay, provider


async def tell(harness: DualDoorApp, doors: Iterator[str], provider: str, pay: Pay) -> Story:
    """Tell the story."""
    story, (product_id, [first, second]) = Story(harness, doors), await goods(harness)
    story.subjects |= {product_id, first, second}
    guest = ApiClient("guest", http_client(harness.app), frozenset())
    customer, email = await log_in(story, guest)
    members = {
        "email": email,
        "shipping_address": ADDRESS,
        "shipping_method_id": await shipping_method(harness),
    }
    cart = await story.write(
        customer, "cart_create", CART, body={**members, "lines": [{"variant_id": first, "quantity": 3}]}
    )
    order = await place(story, customer, cart["id"])
    await pay_order(story, customer, order, provider, pay, DECLINED, SECURE)
    await deliver(story, customer, order)
    await give_one_back(story, customer, order)

    withdrawn = await order_again(story, customer, second, members)
    await pay_order(story, customer, withdrawn, provider, pay, VISA)
    await story.write(customer, "order_return", RETURN, withdrawn["id"], {"kind": "withdrawal"})
    await refunded(story, withdrawn["grand_total"]["amount"], withdrawn)
    for placed in (order, withdrawn):
        await story.read(customer, "order_get", ORDER, placed["id"])
        await story.read(harness.staff, "order_event_list", "type,actor,data", placed["id"])
        await story.read(harness.staff, "order_payment_list", PAYMENT, placed["id"])
    for variant in (first, second):
        await story.read(harness.staff, "variant_stock", "on_hand,reserved,available", variant)
    return story


async def pay_order(story: Story, customer: ApiClient, order: Json, provider: str, pay: Pay, *cards: str) -> None:
    """Pay an order with test cards, one after the other, of which the last one succeeds."""
    fields = "id,status,amount,authorized,captured,failure,next_action{type,url,client_secret}"
    payment = await story.write(customer, "payment_create", fields, order["id"], {"provider": provider})
    for secret in (payment["next_action"]["url"], payment["next_action"]["client_secret"]):
        if secret is not None:
            story.names[secret] = "SECRET"
    for card in cards:
        await pay(payment, card)
        paid = await story.write(customer, "payment_complete", fields, payment["id"])
        expected = "requires_action" if card == DECLINED else "captured"
        assert paid["status"] == expected
    confirmed = await story.read(customer, "order_get", MONEY, order["id"])
    assert (confirmed["status"], confirmed["payment_status"]) == ("confirmed", "paid")


async def deliver(story: Story, customer: ApiClient, order: Json) -> None:
    """Ship two units of an order and then the third one, and deliver both parcels."""
    staff, line = story.harness.staff, order["lines"][0]
    parcels = list[Json]()
    for quantity in (2, 1):
        lines = [{"order_line_id": await line_id(story, customer, order), "quantity": quantity}]
        body = {"lines": lines, "shipped": True, "carrier": "DHL"}
        parcels.append(await story.write(staff, "fulfilment_create", FULFILMENT, order["id"], body))
        await story.read(customer, "order_get", MONEY, order["id"])
    assert line["quantity"] == 3
    for parcel in parcels:
        await story.write(staff, "fulfilment_deliver", FULFILMENT, parcel["id"])
    completed = await story.read(customer, "order_get", MONEY, order["id"])
    assert (completed["status"], completed["fulfilment_status"]) == ("completed", "fulfilled")


async def line_id(story: Story, customer: ApiClient, order: Json) -> str:
    """Return the id of the only line of an order."""
    [line] = await story.read(customer, "order_line_list", "id,quantity,shipped", order["id"])
    return line["id"]


async def give_one_back(story: Story, customer: ApiClient, order: Json) -> None:
    """Return one of three units, and refund it."""
    line = {"order_line_id": await line_id(story, customer, order), "quantity": 1}
    body = {"lines": [line], "reason": "Too small."}
    requested = await story.write(customer, "order_return", RETURN, order["id"], body)
    await story.write(story.harness.staff, "return_receive", RETURN, requested["id"], {"refund": True})
    await refunded(story, order["lines"][0]["total"]["amount"] // 3, order)
    after = await story.read(customer, "order_get", MONEY, order["id"])
    assert (after["fulfilment_status"], after["payment_status"]) == ("partially_returned", "partially_refunded")


async def refunded(story: Story, amount: int, order: Json) -> None:
    """Wait until the worker has paid the money back, and read the refund."""
    path, params = "/refunds", {"order_id": order["id"], "fields": "id,status"}
    for _ in range(1000):
        [refund] = (await story.harness.staff.rest("GET", path, params=params)).json()["data"]
        if refund["status"] == "succeeded":
            break
        await asyncio.sleep(STEP)
    shown = await story.read(story.harness.staff, "refund_get", REFUND, refund["id"])
    assert (shown["status"], shown["amount"]["amount"]) == ("succeeded", amount)
    story.subjects.add(refund["id"])


async def test_the_story_is_the_same_at_every_door(shop: tuple[DualDoorApp, Pay, str]) -> None:
    harness, pay, provider = shop
    orders = {
        "rest": itertools.repeat("rest"),
        "graphql": itertools.repeat("graphql"),
        "rest first": itertools.cycle(["rest", "graphql"]),
        "graphql first": itertools.cycle(["graphql", "rest"]),
    }
    stories = {name: await tell(harness, doors, provider, pay) for name, doors in orders.items()}
    expected = stories["rest"]
    events, entries = await recorded(expected)
    types = {type for type, *_ in events}
    assert {"payment.captured", "order.completed", "return.received", "refund.succeeded", "order.cancelled"} <= types
    for name, story in stories.items():
        for (operation, answer), (_, other) in zip(expected.answers, story.answers, strict=True):
            assert expected.masked(answer) == story.masked(other), f"{operation} in the story `{name}`"
        assert await recorded(story) == (events, entries), name
