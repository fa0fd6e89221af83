"""Webhooks of payment providers: what they change, and what changes nothing."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from sqlalchemy import select, update

from tests.areas.orders.checkout import expire, placed_order, post, stock_of, stocked_variant
from tests.areas.orders.shop_app import staff_client
from tests.areas.payments.provider_events import PATH, SIGNED, event_of, outcome_of, send, stored_events
from tests.areas.payments.provider_in_memory import MEMORY, MemoryProvider, app_with_memory_provider, provider_of
from tests.factories import Json, assert_problem, unique
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.orders.models import OrderRow
from tradepost.areas.payments.event_limits import ProviderEventLimits
from tradepost.areas.payments.service import delete_old_events
from tradepost.kit.clock import now
from tradepost.kit.db.engine import create_engine
from tradepost.kit.rate_limit.meter import RateLimits
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def app(module_settings: "Settings") -> AsyncIterator["TradepostApp"]:
    async with app_with_memory_provider(module_settings) as app:
        yield app


@pytest.fixture(scope="module")
async def staff(app: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    async with staff_client(app) as client:
        yield client


@pytest.fixture
async def provider(app: "TradepostApp") -> AsyncIterator[MemoryProvider]:
    provider = provider_of(app)
    yield provider
    provider.silent, provider.down, provider.refusing, provider.on_call = set(), set(), set(), None


async def paying(app: "TradepostApp", staff: httpx.AsyncClient) -> tuple[httpx.AsyncClient, Json, Json]:
    """Return a client with an order, and its payment, which waits for the customer."""
    client, order = await placed_order(app, staff)
    answer = await post(client, f"/v1/orders/{order['id']}/payments", MEMORY)
    assert answer.status_code == 201, answer.text
    return client, order, answer.json()


def pay(provider: MemoryProvider, payment: Json) -> None:
    """Pay at the provider."""
    provider.set(f"ref-{payment['id']}", "captured", captured=payment["amount"]["amount"])


async def order_of(client: httpx.AsyncClient, order: Json) -> Json:
    return (await client.get(f"/v1/orders/{order['id']}")).json()


async def payment_of(client: httpx.AsyncClient, payment: Json) -> Json:
    return (await client.get(f"/v1/payments/{payment['id']}")).json()


async def test_an_event_confirms_the_order_that_was_paid(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await paying(app, staff)
    pay(provider, payment)
    event = event_of(payment, data={"object": "payment", "amount": 2000, "last4": "4242"})
    assert await outcome_of(client, event) == "applied"
    after = await order_of(client, order)
    assert (after["status"], after["payment_status"]) == ("confirmed", "paid")
    assert (await payment_of(client, payment))["status"] == "captured"
    [row] = await stored_events(app, payment)
    assert (row.provider, row.event_id, row.type, row.data) == ("memory", event.id, event.type, event.data)
    assert row.happened_at == event.created_at
    entries = (await staff.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert {e["actor"] for e in entries if e["type"] == "payment_captured"} == {"system"}


async def test_an_event_only_says_what_to_read(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await paying(app, staff)
    event = event_of(payment, type="payment.succeeded", data={"status": "succeeded", "amount_received": 2000})
    assert await outcome_of(client, event) == "applied"
    assert (await payment_of(client, payment))["status"] == "requires_action"
    assert (await order_of(client, order))["status"] == "pending"


async def test_an_event_that_comes_again_changes_nothing(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, _, payment = await paying(app, staff)
    event = event_of(payment)
    assert await outcome_of(client, event) == "applied"
    pay(provider, payment)
    assert await outcome_of(client, event) == "repeated"
    assert (await payment_of(client, payment))["status"] == "requires_action"
    assert len(await stored_events(app, payment)) == 1


async def test_the_same_event_in_parallel_is_applied_once(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, _, payment = await paying(app, staff)
    provider.set(f"ref-{payment['id']}", "requires_action")
    event, outcomes = event_of(payment, is_decline=True), list[str]()
    both_read = anyio.Event()
    readers = list[str]()

    async def meet(name: str) -> None:
        readers.append(name)
        if len(readers) == 4:
            both_read.set()
        await both_read.wait()

    async def deliver() -> None:
        outcomes.append(await outcome_of(client, event))

    provider.on_call = meet
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(deliver)
    assert sorted(outcomes) == ["applied", "repeated", "repeated", "repeated"]
    assert len(await stored_events(app, payment)) == 1


@pytest.mark.parametrize(
    "members",
    [
        {"shop": "https://other.example"},
        {"is_live": True},
        {"reference": "ref-unknown", "payment_id": None},
        {"reference": "ref-unknown", "payment_id": "no id"},
        {"reference": "ref-unknown", "payment_id": "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e32"},
        {"reference": "ref-of-another-object"},
        {"reference": None, "payment_id": None},
    ],
    ids=str,
)
async def test_an_event_about_no_payment_of_this_shop_is_ignored(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider, members: Json
) -> None:
    client, _, payment = await paying(app, staff)
    pay(provider, payment)
    assert await outcome_of(client, event_of(payment, **members)) == "ignored"
    assert (await payment_of(client, payment))["status"] == "requires_action"
    assert await stored_events(app, payment) == []


async def test_an_event_that_is_not_signed_is_refused_and_not_stored(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, _, payment = await paying(app, staff)
    pay(provider, payment)
    event = event_of(payment)
    assert_problem(await send(client, event, **{"x-signature": "another"}), 400, "invalid_signature")
    assert_problem(await client.post(PATH, content=b""), 400, "invalid_signature")
    assert (await payment_of(client, payment))["status"] == "requires_action"
    assert await stored_events(app, payment) == []
    assert await outcome_of(client, event) == "applied"


async def test_what_is_no_event_is_refused(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client = (await placed_order(app, staff))[0]
    for name in ("unknown", "manual", "%00", "x" * 100):
        assert_problem(await client.post(f"/v1/providers/{name}/events", content=b"{}"), 404, "not_found")
    for body in (b"", b"{", b"[]", b"\xff"):
        assert_problem(await client.post(PATH, content=body, headers=SIGNED), 400, "malformed")
    assert_problem(await client.post(PATH, content=b" " * 262_145, headers=SIGNED), 413, "content_too_large")


async def test_an_event_is_sent_again_if_the_provider_cannot_be_read(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await paying(app, staff)
    pay(provider, payment)
    provider.down, event = {"read"}, event_of(payment)
    answer = await send(client, event)
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"]
    assert await stored_events(app, payment) == []
    provider.down = set()
    assert await outcome_of(client, event) == "applied"
    assert (await order_of(client, order))["status"] == "confirmed"


async def test_an_event_that_does_not_get_the_lock_is_sent_again(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await paying(app, staff)
    pay(provider, payment)
    event, engine = event_of(payment), create_engine(app.state.database.url, pool_size=1)
    async with engine.begin() as other:  # as that of another process
        await other.execute(select(OrderRow.id).where(OrderRow.id == order["id"]).with_for_update())
        assert_problem(await send(client, event), 503, "unavailable")
    await engine.dispose()
    assert (await stored_events(app, payment), (await order_of(client, order))["status"]) == ([], "pending")
    assert await outcome_of(client, event) == "applied"
    assert (await order_of(client, order))["status"] == "confirmed"


async def test_an_event_may_come_before_the_answer_that_made_the_payment(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, order = await placed_order(app, staff)
    create, outcomes = provider.create, list[str]()

    async def create_slowly(request: Any, key: str) -> Any:
        answer = await create(request, key)
        payment = {"id": request.payment_id, "amount": {"amount": request.amount}}
        pay(provider, payment)
        outcomes.append(await outcome_of(client, event_of(payment)))
        return answer  # as it was before the customer paid

    monkeypatch.setattr(provider, "create", create_slowly)
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", MEMORY)).json()
    assert outcomes == ["applied"]
    assert (payment["status"], payment["next_action"]) == ("captured", None)
    assert (await order_of(client, order))["status"] == "confirmed"


async def test_an_event_settles_a_payment_whose_answer_was_lost(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    provider.silent = {"create"}
    client, order, payment = await paying(app, staff)
    assert payment["status"] == "unknown"
    assert await outcome_of(client, event_of(payment)) == "applied"
    assert (await payment_of(client, payment))["status"] == "requires_action"
    pay(provider, payment)
    assert await outcome_of(client, event_of(payment, payment_id=None)) == "applied"
    assert (await order_of(client, order))["status"] == "confirmed"


async def test_events_in_another_order_lead_to_the_same(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await paying(app, staff)
    earlier, later = event_of(payment, created_at=now() - timedelta(hours=1)), event_of(payment)
    pay(provider, payment)
    assert [await outcome_of(client, event) for event in (later, earlier)] == ["applied", "applied"]
    after = await order_of(client, order)
    assert (after["status"], after["captured"]) == ("confirmed", order["grand_total"])


async def test_money_of_a_cancelled_order_is_refunded(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await paying(app, staff)
    assert (await post(client, f"/v1/orders/{order['id']}/cancellation")).status_code == 200
    pay(provider, payment)
    assert await outcome_of(client, event_of(payment)) == "applied"
    after = await order_of(client, order)
    assert (after["status"], after["captured"]) == ("cancelled", order["grand_total"])
    [refund] = (await staff.get(f"/v1/payments/{payment['id']}/refunds")).json()["data"]
    assert (refund["amount"], refund["reason"]) == (order["grand_total"], "order_closed")


async def test_money_that_comes_after_the_expiry_confirms_the_order_if_its_stock_is_free(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    variant = await stocked_variant(app, staff, 2)
    client, order = await placed_order(app, staff, (variant, 2))
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", MEMORY)).json()
    provider.set(f"ref-{payment['id']}", "voided")
    assert await outcome_of(client, event_of(payment)) == "applied"
    async with app.state.database.transaction() as session:
        await session.execute(update(OrderRow).where(OrderRow.id == order["id"]).values(expires_at=now()))
    await expire(app, hours=0)
    assert (await order_of(client, order))["status"] == "expired"
    pay(provider, payment)
    assert await outcome_of(client, event_of(payment)) == "applied"
    assert (await order_of(client, order))["status"] == "confirmed"
    assert await stock_of(app, variant) == (2, 2)


async def test_events_are_limited_by_provider_and_only_those_that_are_signed_count(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, _, payment = await paying(app, staff)
    instances = app.state.dependencies.instances
    before, instances[ProviderEventLimits] = (
        instances[ProviderEventLimits],
        ProviderEventLimits(RateLimits({}, default_size=600), per_minute=2),
    )
    try:
        for _ in range(4):
            assert_problem(await send(client, event_of(payment), **{"x-signature": "no"}), 400, "invalid_signature")
        statuses = [(await send(client, event_of(payment))).status_code for _ in range(3)]
        refused = await send(client, event_of(payment))
    finally:
        instances[ProviderEventLimits] = before
    assert statuses == [200, 200, 429]
    assert (refused.json()["code"], refused.json()["violated-policies"]) == ("quota_exceeded", ["provider-events"])


async def test_an_event_costs_one_point_and_needs_no_accepted_content_type(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, _, payment = await paying(app, staff)
    headers = {"content-type": "text/plain; charset=latin-1", "accept": "*/*; q=0.5, application/xml"}
    answer = await send(client, event_of(payment), **headers)
    assert (answer.status_code, answer.headers["x-request-cost"]) == (200, "1")
    assert answer.headers["cache-control"] == "no-store"


async def test_events_are_deleted_after_ninety_days(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, _, payment = await paying(app, staff)
    assert await outcome_of(client, event_of(payment, id=unique("evt"))) == "applied"
    for days, left in ((89, 1), (91, 0)):
        at = now() + timedelta(days=days)
        await delete_old_events(CallContext(SYSTEM, app.state.database, clock=lambda at=at: at))
        assert len(await stored_events(app, payment)) == left
