"""Payments at a provider: created, completed, captured and voided in two transactions."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import anyio
import httpx
import msgspec
import pytest
from sqlalchemy import select, text, update

from tests.areas.catalog.events import events_of
from tests.areas.orders.checkout import expire, new_key, placed_order, post, stock_of, stocked_variant
from tests.areas.orders.shop_app import TRANSFER, staff_client
from tests.areas.payments.provider_in_memory import (
    MEMORY,
    SECRET,
    MemoryProvider,
    app_with_memory_provider,
    provider_of,
)
from tests.factories import Json, assert_problem
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.orders.models import OrderRow
from tradepost.areas.payments.models import PaymentRow
from tradepost.areas.payments.providers.provider import Failure, ProviderDispute
from tradepost.areas.payments.service import reconcile_payments, reread_disputed_payments, void_overdue_payments
from tradepost.areas.payments.service.reconciler import settle_payment
from tradepost.kit.clock import now
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

CREATE = """mutation ($id: ID!, $key: String!) {
  paymentCreate(orderId: $id, input: {provider: "memory"}) @idempotent(key: $key) {
    id status nextAction { type url clientSecret text }
  }
}"""


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


async def created(client: httpx.AsyncClient, order: Json, **headers: str) -> Json:
    """Create a payment of an order, and return it."""
    answer = await client.post(f"/v1/orders/{order['id']}/payments", json=MEMORY, headers=new_key() | headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def status_of(client: httpx.AsyncClient, payment: Json) -> str:
    return (await client.get(f"/v1/payments/{payment['id']}")).json()["status"]


async def order_of(client: httpx.AsyncClient, order: Json) -> Json:
    return (await client.get(f"/v1/orders/{order['id']}")).json()


def later(app: "TradepostApp", **time: float) -> CallContext:
    """Return the context of a periodic task that runs later."""
    at = now() + timedelta(**time)
    return CallContext(SYSTEM, app.state.database, door="worker", clock=lambda: at, dependencies=app.state.dependencies)


async def authorize(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> tuple[httpx.AsyncClient, Json, Json]:
    """Return a client with an order, and its payment, which the provider has authorized."""
    client, order = await placed_order(app, staff)
    payment = await created(client, order)
    total = order["grand_total"]["amount"]
    provider.set(f"ref-{payment['id']}", "authorized", authorized=total)
    await post(client, f"/v1/payments/{payment['id']}/completion")
    return client, order, payment


async def test_a_payment_is_completed_when_the_customer_has_paid(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    payment = await created(client, order)
    assert (payment["status"], payment["next_action"]["type"]) == ("requires_action", "redirect")
    assert payment["next_action"]["url"] == f"https://pay.example/{SECRET}"
    again = (await post(client, f"/v1/payments/{payment['id']}/completion")).json()
    assert (again["status"], again["next_action"]) == ("requires_action", payment["next_action"])
    provider.set(f"ref-{payment['id']}", "captured", captured=order["grand_total"]["amount"])
    done = (await post(client, f"/v1/payments/{payment['id']}/completion")).json()
    assert (done["status"], done["captured"], done["next_action"]) == ("captured", order["grand_total"], None)
    after = await order_of(client, order)
    assert (after["status"], after["payment_status"], after["expires_at"]) == ("confirmed", "paid", None)
    assert [type for type, _ in await events_of(app, payment["id"])] == [
        "payment.created",
        "payment.updated",
        "payment.captured",
    ]


async def test_what_opens_a_payment_stands_only_in_the_answers_to_the_payer(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    key = new_key()
    payment = await created(client, order, **key)
    path = f"/v1/payments/{payment['id']}"
    for reader in (client, staff):
        for answer in (
            await reader.get(path),
            await reader.get(f"/v1/orders/{order['id']}?fields=payments{{next_action}}"),
        ):
            assert answer.status_code == 200
            assert SECRET not in answer.text
    replayed = await client.post(f"/v1/orders/{order['id']}/payments", json=MEMORY, headers=key)
    assert (replayed.status_code, replayed.json()) == (201, payment)
    variables = {"id": order["id"], "key": uuid4().hex}
    twin = await client.post("/graphql", json={"query": CREATE, "variables": variables})
    assert twin.json()["data"]["paymentCreate"]["nextAction"]["url"] == payment["next_action"]["url"]
    async with app.state.database.session_factory() as session:
        for table in ("payment", "outbox_event", "audit_entry", "order_event", "idempotency_record"):
            rows = (await session.execute(text(f"SELECT * FROM {table}"))).all()
            assert SECRET not in str([tuple(row) for row in rows]), table


async def test_a_provider_that_does_not_answer_leaves_the_payment_unknown_until_it_is_asked_again(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    provider.silent = {"create"}
    payment = await created(client, order)
    assert (payment["status"], payment["next_action"]) == ("unknown", None)
    after = await order_of(client, order)
    assert (after["payment_status"], after["expires_at"]) == ("processing", None)
    problem = assert_problem(
        await post(client, f"/v1/orders/{order['id']}/payments", TRANSFER), 409, "payment_in_progress"
    )
    assert problem["payment_id"] == payment["id"]
    assert_problem(await post(client, f"/v1/orders/{order['id']}/cancellation"), 409, "payment_in_progress")
    provider.silent = set()
    done = (await post(client, f"/v1/payments/{payment['id']}/completion")).json()
    assert (done["status"], done["next_action"]["url"]) == ("requires_action", f"https://pay.example/{SECRET}")
    assert [name for name, key in provider.calls if key == f"{payment['id']}:create"] == ["create", "create"]
    after = await order_of(client, order)
    assert after["payment_status"] == "unpaid"
    assert after["expires_at"] is not None


async def test_the_reconciler_settles_what_is_unknown(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    provider.down = {"create"}
    payment = await created(client, order)
    assert payment["status"] == "unknown"
    await reconcile_payments(later(app, seconds=31))
    assert await status_of(client, payment) == "unknown"
    provider.down = set()
    await reconcile_payments(later(app, seconds=31))
    assert await status_of(client, payment) == "requires_action"
    # A webhook that never comes: the payment is read after five minutes.
    entries = (await staff.get("/v1/audit", params={"subject": payment["id"], "fields": "operation,door"})).json()
    assert {"operation": "payment_reconcile", "door": "worker"} in entries["data"]
    provider.set(f"ref-{payment['id']}", "captured", captured=order["grand_total"]["amount"])
    await reconcile_payments(later(app, minutes=4))
    assert await status_of(client, payment) == "requires_action"
    await reconcile_payments(later(app, minutes=6))
    assert await status_of(client, payment) == "captured"


@pytest.mark.parametrize("was_made", [True, False])
async def test_a_creation_is_repeated_for_fifteen_minutes_and_looked_up_afterwards(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider, was_made: bool
) -> None:
    client, order = await placed_order(app, staff)
    provider.silent, provider.down = ({"create"}, set[str]()) if was_made else (set[str](), {"create"})
    payment = await created(client, order)
    await reconcile_payments(later(app, minutes=14))
    assert await status_of(client, payment) == "unknown"
    calls = len(provider.calls)
    provider.down |= {"find"}
    await reconcile_payments(later(app, minutes=16))
    assert (await status_of(client, payment), len(provider.calls)) == ("unknown", calls)
    provider.silent, provider.down = set(), set()
    await reconcile_payments(later(app, minutes=17))
    assert (await status_of(client, payment), len(provider.calls)) == (
        "requires_action" if was_made else "failed",
        calls,
    )
    again = (await client.post(f"/v1/orders/{order['id']}/payments", json=MEMORY, headers=new_key())).json()
    assert (again["id"] == payment["id"], again["status"]) == (was_made, "requires_action")


async def test_a_disputed_payment_is_read_again_every_hour(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    payment = await created(client, order)
    reference, dispute = f"ref-{payment['id']}", ProviderDispute(amount=400, reason="fraudulent", due_by=None)
    provider.set(reference, "captured", captured=order["grand_total"]["amount"], dispute=dispute)
    await post(client, f"/v1/payments/{payment['id']}/completion")
    provider.set(reference, "captured", dispute=msgspec.structs.replace(dispute, outcome="lost"))

    async def refunded() -> list[int]:
        rows = (await staff.get(f"/v1/payments/{payment['id']}/refunds")).json()["data"]
        return [row["amount"]["amount"] for row in rows]

    await reread_disputed_payments(later(app, minutes=59))
    assert await refunded() == []
    await reread_disputed_payments(later(app, minutes=61))
    assert await refunded() == [400]
    reads = list[str]()

    async def count(name: str) -> None:
        reads.append(name)

    provider.on_call = count
    await reread_disputed_payments(later(app, minutes=200))
    assert reads == []


@pytest.mark.parametrize("was_made", [True, False])
async def test_a_call_that_is_older_than_twelve_hours_is_not_repeated(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider, was_made: bool
) -> None:
    client, order = await placed_order(app, staff)
    provider.silent, provider.down = ({"create"}, set[str]()) if was_made else (set[str](), {"create"})
    payment = await created(client, order)
    provider.silent, provider.down = set(), set()
    calls = len(provider.calls)
    await reconcile_payments(later(app, hours=25))
    assert len(provider.calls) == calls
    after = (await client.get(f"/v1/payments/{payment['id']}")).json()
    assert after["status"] == ("requires_action" if was_made else "failed")
    assert (after["failure"] or {}).get("code") == (None if was_made else "not_created")


async def test_a_payment_that_the_provider_refuses_has_failed(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    provider.refusing = {"create"}
    payment = await created(client, order)
    assert (payment["status"], payment["failure"]["code"]) == ("failed", "refused")
    provider.refusing = set()
    assert (await created(client, order))["status"] == "requires_action"


async def test_a_decline_keeps_the_payment_open(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    payment = await created(client, order)
    reference = f"ref-{payment['id']}"
    provider.set(reference, "requires_action", failure=Failure("card_declined", "The card was declined."))
    declined = (await post(client, f"/v1/payments/{payment['id']}/completion")).json()
    assert (declined["status"], declined["failure"]["code"]) == ("requires_action", "card_declined")
    provider.set(reference, "captured", captured=order["grand_total"]["amount"])
    done = (await post(client, f"/v1/payments/{payment['id']}/completion")).json()
    assert (done["status"], done["failure"]) == ("captured", None)


async def test_an_authorized_payment_is_captured_once_and_the_rest_lapses(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await authorize(app, staff, provider)
    assert (await order_of(client, order))["status"] == "confirmed"
    path, key = f"/v1/payments/{payment['id']}/capture", new_key()
    assert_problem(await post(client, path), 401, "unauthenticated")
    part = {"amount": {"amount": 500, "currency": "EUR"}}
    answer = await staff.post(path, json=part, headers=key)
    assert answer.status_code == 200, answer.text
    captured = answer.json()
    assert (captured["status"], captured["captured"]["amount"]) == ("captured", 500)
    assert captured["authorized"]["amount"] == 0
    replayed = await staff.post(path, json=part, headers=key)
    assert (replayed.status_code, replayed.json()) == (200, captured)
    assert_problem(await post(staff, path), 409, "invalid_transition")
    after = await order_of(client, order)
    assert (after["captured"]["amount"], after["authorized"]["amount"]) == (500, 0)
    assert after["payment_status"] == "partially_paid"


async def test_a_capture_whose_answer_is_lost_is_resumed_by_its_key(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await authorize(app, staff, provider)
    path, key = f"/v1/payments/{payment['id']}/capture", new_key()
    provider.silent = {"capture"}
    unknown = (await staff.post(path, json={}, headers=key)).json()
    assert (unknown["status"], unknown["authorized"]) == ("unknown", order["grand_total"])
    assert (await order_of(client, order))["authorized"] == order["grand_total"]
    provider.silent = set()
    await reconcile_payments(later(app, seconds=31))
    after = await order_of(client, order)
    assert (after["captured"], after["authorized"]["amount"]) == (order["grand_total"], 0)
    captures = [key for name, key in provider.calls if name == "capture"]
    assert captures[-1] == captures[-2]
    retried = await staff.post(path, json={}, headers=key)
    assert (retried.status_code, retried.json()) == (200, unknown)


async def test_a_payment_whose_capture_is_refused_and_that_cannot_be_read_has_not_failed(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await authorize(app, staff, provider)
    provider.refusing = {"capture", "read"}
    unknown = (await post(staff, f"/v1/payments/{payment['id']}/capture")).json()
    assert (unknown["status"], unknown["authorized"]) == ("unknown", order["grand_total"])
    provider.refusing = set()
    await reconcile_payments(later(app, seconds=31))
    assert await status_of(client, payment) == "captured"


@pytest.mark.parametrize("is_authorized", [True, False])
async def test_staff_void_a_payment(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider, is_authorized: bool
) -> None:
    if is_authorized:
        client, order, payment = await authorize(app, staff, provider)
    else:
        client, order = await placed_order(app, staff)
        payment = await created(client, order)
    answer = await post(staff, f"/v1/payments/{payment['id']}/void")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["authorized"]["amount"]) == ("voided", 0)
    assert provider.payments[f"ref-{payment['id']}"].status == "voided"
    assert (await order_of(client, order))["authorized"]["amount"] == 0
    assert_problem(await post(staff, f"/v1/payments/{payment['id']}/void"), 409, "invalid_transition")


async def test_a_void_that_comes_too_late_records_the_capture(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    payment = await created(client, order)
    provider.set(f"ref-{payment['id']}", "captured", captured=order["grand_total"]["amount"])
    voided = (await post(staff, f"/v1/payments/{payment['id']}/void")).json()
    assert voided["status"] == "captured"
    assert (await order_of(client, order))["status"] == "confirmed"


async def test_another_choice_voids_the_open_payment_at_its_provider(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    payment = await created(client, order)
    transfer = await post(client, f"/v1/orders/{order['id']}/payments", TRANSFER)
    assert transfer.status_code == 201, transfer.text
    assert provider.payments[f"ref-{payment['id']}"].status == "voided"
    assert await status_of(client, payment) == "voided"


async def test_a_cancelled_order_voids_its_open_payment_first(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    payment, path = await created(client, order), f"/v1/orders/{order['id']}/cancellation"
    provider.down = {"void"}
    answer = await post(client, path)
    assert_problem(answer, 503, "unavailable")
    assert (await order_of(client, order))["status"] == "pending"
    provider.down = set()
    await reconcile_payments(later(app, seconds=31))
    assert await status_of(client, payment) == "voided"
    assert (await post(client, path)).json()["status"] == "cancelled"


async def test_a_withdrawal_voids_the_open_payment_first(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    payment = await created(client, order)
    answer = await post(client, f"/v1/orders/{order['id']}/returns", {"kind": "withdrawal"})
    assert answer.status_code == 201, answer.text
    assert (await order_of(client, order))["status"] == "cancelled"
    assert await status_of(client, payment) == "voided"
    assert provider.payments[f"ref-{payment['id']}"].status == "voided"


async def test_a_withdrawal_of_shipped_goods_leaves_the_open_payment_alone(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order, payment = await authorize(app, staff, provider)
    lines = [{"order_line_id": line["id"], "quantity": line["quantity"]} for line in order["lines"]]
    parcel = await post(staff, f"/v1/orders/{order['id']}/fulfilments", {"lines": lines, "shipped": True})
    assert parcel.status_code == 201, parcel.text
    part = {"amount": {"amount": 500, "currency": "EUR"}}
    await post(staff, f"/v1/payments/{payment['id']}/capture", part)
    rest = await created(client, order)
    answer = await post(client, f"/v1/orders/{order['id']}/returns", {"kind": "withdrawal"})
    assert (answer.status_code, answer.json()["status"]) == (201, "requested"), answer.text
    assert await status_of(client, rest) == "requires_action"


async def test_an_order_expires_after_its_open_payment_was_voided(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    payment = await created(client, order)
    provider.down = {"void"}
    await void_overdue_payments(later(app, minutes=61))
    await expire(app, hours=1.02)
    assert (await order_of(client, order))["status"] == "pending"
    provider.down = set()
    await reconcile_payments(later(app, minutes=62))
    await expire(app, hours=1.04)
    assert await status_of(client, payment) == "voided"
    assert provider.payments[f"ref-{payment['id']}"].status == "voided"


async def test_an_order_is_kept_while_its_payment_is_processing(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    payment = await created(client, order)
    provider.set(f"ref-{payment['id']}", "processing")
    await post(client, f"/v1/payments/{payment['id']}/completion")
    after = await order_of(client, order)
    assert (after["payment_status"], after["expires_at"]) == ("processing", None)
    provider.set(f"ref-{payment['id']}", "failed")
    await post(client, f"/v1/payments/{payment['id']}/completion")
    after = await order_of(client, order)
    assert after["payment_status"] == "unpaid"
    assert after["expires_at"] is not None


async def test_money_that_arrives_after_the_expiry_confirms_the_order_if_its_stock_is_free(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    variant = await stocked_variant(app, staff, 2)
    client, order = await placed_order(app, staff, (variant, 2))
    payment = (await post(client, f"/v1/orders/{order['id']}/payments", TRANSFER)).json()
    async with app.state.database.transaction() as session:
        await session.execute(update(OrderRow).where(OrderRow.id == order["id"]).values(expires_at=now()))
    await expire(app, hours=0)
    assert (await order_of(client, order))["status"] == "expired"
    assert await stock_of(app, variant) == (2, 0)
    answer = await post(staff, f"/v1/payments/{payment['id']}/capture")
    assert answer.status_code == 200, answer.text
    after = await order_of(client, order)
    assert (after["status"], after["payment_status"]) == ("confirmed", "paid")
    assert await stock_of(app, variant) == (2, 2)


async def test_two_requests_with_one_key_create_one_payment(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider
) -> None:
    client, order = await placed_order(app, staff)
    key, reached = new_key(), anyio.Event()

    async def wait(name: str) -> None:
        reached.set()
        await anyio.sleep(0.3)

    provider.on_call = wait
    answers = list[httpx.Response]()

    async def pay() -> None:
        answers.append(await client.post(f"/v1/orders/{order['id']}/payments", json=MEMORY, headers=key))

    async with anyio.create_task_group() as group:
        group.start_soon(pay)
        await reached.wait()
        group.start_soon(pay)
    assert sorted([answer.status_code for answer in answers]) == [201, 409]
    listed = (await client.get(f"/v1/orders/{order['id']}/payments")).json()["data"]
    assert len(listed) == 1
    assert [name for name, key in provider.calls if key.startswith(listed[0]["id"])] == ["create"]


@pytest.mark.parametrize("door", ["completion", "reconciler"])
async def test_a_payment_is_locked_after_its_order(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: MemoryProvider, door: str
) -> None:
    client, order = await placed_order(app, staff)
    provider.silent = {"create"}
    payment = await created(client, order)
    provider.silent = set()

    async def settle() -> None:
        if door == "completion":
            await post(client, f"/v1/payments/{payment['id']}/completion")
        else:
            await settle_payment(later(app), payment["id"])

    async with anyio.create_task_group() as tasks, app.state.database.transaction() as session:
        await session.execute(select(OrderRow.id).where(OrderRow.id == order["id"]).with_for_update())
        tasks.start_soon(settle)
        await anyio.sleep(0.3)
        # Else each would wait for the other.
        locked = select(PaymentRow.id).where(PaymentRow.id == payment["id"]).with_for_update(nowait=True)
        await session.execute(locked)
    assert await status_of(client, payment) == "requires_action"
