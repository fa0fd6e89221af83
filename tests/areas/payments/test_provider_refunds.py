"""Refunds through a remote provider: two transactions around its call, and its later answers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import select

from tests.areas.accounts.captured_mail import CapturedMail
from tests.areas.catalog.events import types_of
from tests.areas.orders.checkout import new_key, post
from tests.areas.orders.fulfilling import order_now
from tests.factories import Json, assert_problem
from tradepost.areas.orders.service import lock_order
from tradepost.areas.payments.models import PaymentRow
from tradepost.areas.payments.providers.manual import ManualProvider
from tradepost.areas.payments.providers.provider import (
    Failure,
    PaymentProviders,
    ProviderDispute,
    ProviderRefund,
    ProviderRefused,
    ProviderUnavailable,
)
from tradepost.areas.payments.service import carry_out_refund, reconcile_payments, reconciler
from tradepost.areas.payments.service.disputes import apply_dispute
from tradepost.kit.problems import Unavailable

from .refunding import euros, payment_now, refund, refund_units, try_refund
from .scripted_payments import apply_all, captured_order, scripted_provider, worker
from .scripted_provider import ScriptedProvider, with_status

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


@pytest.fixture
def provider(app: "TradepostApp") -> Iterator[ScriptedProvider]:
    """A remote provider that the shop has."""
    with scripted_provider(app) as provider:
        yield provider


async def refund_now(client: httpx.AsyncClient, refund: Json) -> Json:
    """Return a refund as it is now."""
    return (await client.get(f"/v1/refunds/{refund['id']}")).json()


async def refunds_of(client: httpx.AsyncClient, payment: Json) -> list[Json]:
    """Return the refunds of a payment, the newest first."""
    return (await client.get(f"/v1/payments/{payment['id']}/refunds")).json()["data"]


async def test_the_provider_is_called_between_two_transactions(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    client, _, payment = await captured_order(app, staff)
    made = await refund(staff, payment, amount=euros(500))
    assert (made["status"], provider.calls) == ("succeeded", [f"{made['id']}:refund"])
    assert await types_of(app, made["id"]) == ["refund.created", "refund.succeeded", "mail.order_refunded"]
    # The worker leaves it alone: the request has made the call.
    await CapturedMail(app).collect("")
    assert len(provider.calls) == 1
    assert (await payment_now(client, payment))["refunded"]["amount"] == 500


async def test_a_refund_succeeds_later(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    _, order, payment = await captured_order(app, staff)
    provider.next_status = "pending"
    made = await refund(staff, payment, amount=euros(500))
    assert made["status"] == "pending"
    # Only staff's own refunds of `manual` payments are completed by hand.
    assert_problem(await post(staff, f"/v1/refunds/{made['id']}/completion"), 409, "invalid_transition")
    [(_, seen)] = provider.refunds.values()
    for _ in range(2):
        await apply_all(app, payment, [with_status(seen, "succeeded")])
    await apply_all(app, payment, [seen])  # an older answer
    assert (await refund_now(staff, made))["status"] == "succeeded"
    emails = await CapturedMail(app).collect(order["email"])
    assert [message.subject for message in emails].count(f"Your order {order['number']}: €5.00 refunded") == 1


async def test_a_refused_refund_gives_its_amount_back(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    client, order, payment = await captured_order(app, staff)
    provider.faults = [ProviderRefused("charge_disputed", "The charge is disputed.")]
    made = await refund(staff, payment, amount=euros(500))
    assert (made["status"], made["failure"]) == (
        "failed",
        {"code": "charge_disputed", "detail": "The charge is disputed."},
    )
    after, paid = await payment_now(client, payment), await order_now(client, order)
    assert (after["status"], after["refunded"]["amount"]) == ("captured", 0)
    assert (paid["payment_status"], paid["refunded"]["amount"]) == ("paid", 0)
    assert (await types_of(app, made["id"]))[-1] == "refund.failed"
    assert (await types_of(app, order["id"])).count("order.paid") == 1
    assert (await refund(staff, payment))["amount"] == payment["captured"]


async def test_units_of_a_failed_refund_can_be_refunded_again(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    _, order, payment = await captured_order(app, staff)
    provider.faults = [ProviderRefused("declined", "The card was declined.")]
    failed = await refund_units(staff, payment, order, 2, shipping=True)
    again = await refund_units(staff, payment, order, 2, shipping=True)
    assert (failed["status"], again["status"]) == ("failed", "succeeded")
    assert again["amount"] == failed["amount"] == payment["captured"]
    assert again["tax_lines"] == failed["tax_lines"] == order["tax_lines"]


async def test_a_refund_can_fail_after_it_has_succeeded(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    client, order, payment = await captured_order(app, staff)
    made = await refund(staff, payment)
    assert (await order_now(client, order))["payment_status"] == "refunded"
    [(_, seen)] = provider.refunds.values()
    await apply_all(app, payment, [with_status(seen, "failed")])
    failed = await refund_now(staff, made)
    assert (failed["status"], failed["failure"]["code"]) == ("failed", "failed")
    assert (await payment_now(client, payment))["status"] == "captured"
    assert (await order_now(client, order))["payment_status"] == "paid"
    await apply_all(app, payment, [seen])
    assert (await refund_now(staff, made))["status"] == "failed"
    events = (await client.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    names = [(entry["type"], entry["actor"]) for entry in events if entry["type"].startswith("refund_")]
    assert names == [("refund_created", "staff"), ("refund_succeeded", "staff"), ("refund_failed", "system")]


async def test_a_time_out_is_unknown_until_the_call_is_repeated(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    client, _, payment = await captured_order(app, staff)
    provider.loses_answers = True
    made = await refund(staff, payment, amount=euros(500))
    assert made["status"] == "unknown"
    await CapturedMail(app).collect("")  # the request made the call, so the worker does not
    assert len(provider.calls) == 1
    assert (await payment_now(client, payment))["refunded"]["amount"] == 500
    await carry_out_refund(worker(app), made["id"])
    assert (await refund_now(staff, made))["status"] == "unknown"
    provider.loses_answers = False
    await carry_out_refund(worker(app), made["id"])
    assert (await refund_now(staff, made))["status"] == "succeeded"
    assert provider.calls == [f"{made['id']}:refund"] * 3
    assert len(provider.refunds) == 1
    await carry_out_refund(worker(app), made["id"])
    assert len(provider.calls) == 3


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_call_older_than_12_hours_is_looked_up(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider, *, is_there: bool
) -> None:
    client, _, payment = await captured_order(app, staff)
    provider.loses_answers = is_there
    provider.faults = [] if is_there else [ProviderUnavailable()]
    made = await refund(staff, payment, amount=euros(500))
    await carry_out_refund(worker(app, timedelta(hours=12, minutes=1)), made["id"])
    assert (len(provider.calls), provider.reads) == (1, 1)
    after = await refund_now(staff, made)
    if is_there:
        assert after["status"] == "succeeded"
    else:
        assert (after["status"], after["failure"]["code"]) == ("failed", "not_created")
        assert (await payment_now(client, payment))["refunded"]["amount"] == 0


@pytest.mark.parametrize("is_made", [False, True])
async def test_a_repeated_request_resumes_the_refund(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider, *, is_made: bool
) -> None:
    client, _, payment = await captured_order(app, staff)
    faults = provider.late_faults if is_made else provider.faults
    faults.append(Unavailable("The database is gone."))
    path, key, body = f"/v1/payments/{payment['id']}/refunds", new_key(), {"amount": euros(500)}
    assert_problem(await staff.post(path, json=body, headers=key), 503, "unavailable")
    [left] = await refunds_of(staff, payment)
    assert left["status"] == "created"
    answer = await staff.post(path, json=body, headers=key)
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (201, left["id"], "succeeded")
    replayed = await staff.post(path, json=body, headers=key)
    assert (replayed.json(), replayed.headers["idempotent-replayed"]) == (answer.json(), "true")
    assert provider.calls == [f"{left['id']}:refund"] * 2
    assert len(provider.refunds) == 1
    assert (await payment_now(client, payment))["refunded"]["amount"] == 500


async def test_a_repeated_request_finds_what_the_worker_has_settled(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    _, _, payment = await captured_order(app, staff)
    provider.faults = [Unavailable("The database is gone.")]
    path, key, body = f"/v1/payments/{payment['id']}/refunds", new_key(), {"amount": euros(500)}
    assert_problem(await staff.post(path, json=body, headers=key), 503, "unavailable")
    [left] = await refunds_of(staff, payment)
    await carry_out_refund(worker(app), left["id"])
    answer = await staff.post(path, json=body, headers=key)
    assert (answer.json()["id"], answer.json()["status"], len(provider.calls)) == (left["id"], "succeeded", 2)


async def test_a_refund_made_at_the_provider_becomes_a_row(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    client, order, payment = await captured_order(app, staff)
    seen = provider.new_refund(700)
    failed = with_status(provider.new_refund(1), "failed")
    for _ in range(2):
        await apply_all(app, payment, [seen, failed])
    [made] = await refunds_of(client, payment)
    assert (made["actor"], made["status"], made["amount"]["amount"], made["reason"]) == (
        "provider",
        "succeeded",
        700,
        None,
    )
    assert (await order_now(client, order))["refunded"]["amount"] == 700
    # More than was captured is not recorded.
    await apply_all(app, payment, [provider.new_refund(payment["captured"]["amount"])])
    assert len(await refunds_of(client, payment)) == 1


async def test_the_worker_refunds_a_cancelled_order(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    client, order, payment = await captured_order(app, staff)
    mail = CapturedMail(app)
    answer = await post(client, f"/v1/orders/{order['id']}/cancellation", {})
    assert (answer.status_code, answer.json()["payment_status"]) == (200, "refunded")
    [made] = await refunds_of(client, payment)
    assert (made["status"], provider.calls) == ("created", [])
    await mail.collect("")
    assert provider.calls == [f"{made['id']}:refund"]
    after = await refund_now(client, made)
    assert (after["status"], after["actor"]) == ("succeeded", "system")
    subjects = [message.subject for message in await mail.collect(order["email"])]
    assert subjects.count(f"Your order {order['number']}: €24.90 refunded") == 1


async def test_a_lost_dispute_counts_as_refunded_without_an_email(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    client, order, payment = await captured_order(app, staff)
    context = worker(app)
    for outcome in ("open", "lost", "lost"):
        async with context.transaction():
            row = await context.session.get_one(PaymentRow, payment["id"], with_for_update=True)
            dispute = ProviderDispute(amount=900, reason="fraudulent", due_by=None, outcome=outcome)
            await apply_dispute(context, await lock_order(context, order["id"]), row, dispute)
    [made] = await refunds_of(client, payment)
    assert (made["amount"]["amount"], made["status"], made["actor"], made["reason"]) == (
        900,
        "succeeded",
        "provider",
        "dispute_lost",
    )
    assert "mail.order_refunded" not in await types_of(app, made["id"])


async def test_a_pending_refund_without_a_webhook_is_read(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    _, _, payment = await captured_order(app, staff)
    provider.next_status = "pending"
    made = await refund(staff, payment, amount=euros(500))
    [(key, (reference, seen))] = provider.refunds.items()
    provider.refunds[key] = (reference, with_status(seen, "succeeded"))
    for minutes, status in ((59, "pending"), (61, "succeeded")):
        await reconcile_payments(worker(app, timedelta(minutes=minutes)))
        assert (await refund_now(staff, made))["status"] == status
    assert len(provider.calls) == 1


async def test_the_worker_leaves_a_time_out_to_the_reconciler(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    client, order, payment = await captured_order(app, staff)
    provider.faults = [ProviderUnavailable()]
    await post(client, f"/v1/orders/{order['id']}/cancellation", {})
    await CapturedMail(app).collect("")
    [made] = await refunds_of(client, payment)
    assert (made["status"], len(provider.calls)) == ("unknown", 1)
    await carry_out_refund(worker(app), made["id"])
    assert (await refund_now(client, made))["status"] == "succeeded"


async def test_refunds_that_cannot_be_settled_do_not_delay_the_others(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "BATCH_SIZE", 1)
    provider.faults, made = [ProviderUnavailable(), ProviderUnavailable()], list[Json]()
    for _ in range(2):
        _, _, payment = await captured_order(app, staff)
        made.append(await refund(staff, payment, amount=euros(500)))
    older, newer = made
    provider.unreachable = {await reference_of(app, {"id": older["payment_id"]})}
    for _ in range(200):
        await reconcile_payments(worker(app, timedelta(minutes=1)))
        if (await refund_now(staff, newer))["status"] == "succeeded":
            break
    assert [(await refund_now(staff, refund))["status"] for refund in made] == ["unknown", "succeeded"]


async def test_a_provider_that_was_switched_off_is_not_called(
    app: "TradepostApp", staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.state.dependencies.instances, PaymentProviders, PaymentProviders(ManualProvider()))
    _, _, payment = await captured_order(app, staff)
    assert (await refund(staff, payment, amount=euros(500)))["status"] == "unknown"


async def test_a_failure_says_why(app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider) -> None:
    _, _, payment = await captured_order(app, staff)
    provider.next_status = "pending"
    made = await refund(staff, payment, amount=euros(500))
    [(_, seen)] = provider.refunds.values()
    reason = Failure("lost_or_stolen_card", "The card was reported as lost or stolen.")
    failed = ProviderRefund(
        reference=seen.reference, refund_id=None, amount=seen.amount, status="failed", failure=reason
    )
    await apply_all(app, payment, [failed])
    assert (await refund_now(staff, made))["failure"] == {"code": reason.code, "detail": reason.detail}
    assert (await try_refund(staff, payment)).status_code == 201


async def test_a_refund_at_the_provider_is_recorded_once_ours_was_refused(
    app: "TradepostApp", staff: httpx.AsyncClient, provider: ScriptedProvider
) -> None:
    """Ours had reserved the whole payment, so the other one had no place when it was seen first."""
    client, order, payment = await captured_order(app, staff)
    provider.faults = [ProviderUnavailable()]
    unknown = await refund(staff, payment)
    assert unknown["status"] == "unknown"
    row = await payment_now(client, payment)
    reference = await reference_of(app, payment)
    provider.refunds["at the provider"] = (reference, provider.new_refund(100))
    provider.faults = [ProviderRefused("charge_already_refunded", "Less than that is left.")]
    await carry_out_refund(worker(app), unknown["id"])
    after = await payment_now(client, payment)
    assert (row["refunded"], after["refunded"]["amount"]) == (order["grand_total"], 100)
    refunds = (await client.get(f"/v1/payments/{payment['id']}/refunds")).json()["data"]
    assert sorted([(one["actor"], one["status"]) for one in refunds]) == [
        ("provider", "succeeded"),
        ("staff", "failed"),
    ]


async def reference_of(app: "TradepostApp", payment: Json) -> str:
    """Return the provider's id of a payment."""
    async with app.state.database.session_factory() as session:
        reference = await session.scalar(select(PaymentRow.reference).where(PaymentRow.id == payment["id"]))
    assert reference is not None
    return reference
