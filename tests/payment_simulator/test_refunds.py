"""Refunds, disputes and the ledger, with the official Stripe client."""

from typing import Any

import pytest
import stripe

from tests.payment_simulator.conftest import Pay, events_of
from tests.simulator import SimulatorServer


async def charge_of(client: stripe.StripeClient, intent: str) -> Any:
    """The latest charge of a payment intent, with its refunds."""
    found = await client.v1.payment_intents.retrieve_async(intent, {"expand": ["latest_charge.refunds"]})
    return found.latest_charge


async def test_a_payment_is_refunded_in_parts(client: stripe.StripeClient, pay: Pay) -> None:
    intent = await pay()
    first = await client.v1.refunds.create_async(
        {"payment_intent": intent.id, "amount": 400, "metadata": {"refund_id": "9"}, "reason": "requested_by_customer"}
    )
    assert (first.status, first.amount, first.payment_intent) == ("succeeded", 400, intent.id)
    assert ((first.metadata or {})["refund_id"], first.reason) == ("9", "requested_by_customer")
    rest = await client.v1.refunds.create_async({"payment_intent": intent.id})
    charge = await charge_of(client, intent.id)
    assert (rest.amount, charge.amount_refunded, charge.refunded) == (600, 1000, True)
    assert [refund.id for refund in charge.refunds.data] == [rest.id, first.id]
    listed = await client.v1.refunds.list_async({"payment_intent": intent.id})
    assert [refund.id for refund in listed.data] == [rest.id, first.id]
    assert (await events_of(client, intent.id))[-4:] == ["refund.created", "charge.refunded"] * 2


async def test_a_charge_shows_its_newest_ten_refunds(client: stripe.StripeClient, pay: Pay) -> None:
    intent = await pay()
    made = [await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 10}) for _ in range(12)]
    charge = await charge_of(client, intent.id)
    assert ([r.id for r in charge.refunds.data], charge.refunds.has_more) == ([r.id for r in made[:1:-1]], True)
    assert [refund.id async for refund in charge.refunds.auto_paging_iter()] == [r.id for r in made[::-1]]


@pytest.mark.parametrize("capture_method", ["automatic", "manual"])
async def test_never_more_than_was_captured_is_refunded(
    client: stripe.StripeClient, pay: Pay, capture_method: str
) -> None:
    intent = await pay(capture_method=capture_method)
    captured = 1000
    if capture_method == "manual":
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
            await client.v1.refunds.create_async({"payment_intent": intent.id})
        captured = 700
        await client.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": captured})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": captured + 1})
    await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": captured})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 1})
    assert refusal.value.code == "charge_already_refunded"


async def test_a_pending_refund_succeeds_later(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay
) -> None:
    intent = await pay("pm_card_pendingRefund")
    refund = await client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refund.status == "pending"
    await simulator.controls.settle()
    assert (await client.v1.refunds.retrieve_async(refund.id)).status == "succeeded"
    assert (await events_of(client, intent.id))[-2:] == ["refund.updated", "charge.refund.updated"]


async def test_a_pending_refund_is_cancelled(client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay) -> None:
    intent = await pay("pm_card_pendingRefund")
    refund = await client.v1.refunds.create_async({"payment_intent": intent.id})
    await simulator.controls.cancel_refund(refund.id)
    assert (await client.v1.refunds.retrieve_async(refund.id)).status == "canceled"
    assert (await charge_of(client, intent.id)).amount_refunded == 0


@pytest.mark.parametrize("cause", ["card", "control"])
async def test_a_refund_that_succeeded_fails_later_and_can_be_repeated(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay, cause: str
) -> None:
    intent = await pay("pm_card_refundFail" if cause == "card" else "pm_card_visa")
    refund = await client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    if cause == "card":
        await simulator.controls.settle()
    else:
        await simulator.controls.fail_refund(refund.id)
    failed = await client.v1.refunds.retrieve_async(refund.id)
    charge = await charge_of(client, intent.id)
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert "refund.failed" in await events_of(client, intent.id)
    assert (await client.v1.refunds.create_async({"payment_intent": intent.id})).amount == 1000


@pytest.mark.parametrize(("status", "refundable"), [("won", True), ("lost", False)])
async def test_a_disputed_payment_is_not_refunded(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay, status: str, refundable: bool
) -> None:
    intent = await pay()
    dispute = await simulator.controls.dispute(intent.id, 900)
    assert (dispute["status"], dispute["amount"], dispute["payment_intent"]) == ("needs_response", 900, intent.id)
    assert (await charge_of(client, intent.id)).disputed
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refusal.value.code == "charge_disputed"
    await simulator.controls.respond_to_dispute(dispute["id"])
    await simulator.controls.close_dispute(dispute["id"], status)
    listed = await client.v1.disputes.list_async({"payment_intent": intent.id})
    assert [(item.id, item.status) for item in listed.data] == [(dispute["id"], status)]
    kinds = [kind.removeprefix("charge.dispute.") for kind in await events_of(client, intent.id)][3:]
    reinstated = ["funds_reinstated"] if status == "won" else []
    assert kinds == ["created", "funds_withdrawn", "updated", *reinstated, "closed"]
    if refundable:
        await client.v1.refunds.create_async({"payment_intent": intent.id})
    else:
        with pytest.raises(stripe.InvalidRequestError):
            await client.v1.refunds.create_async({"payment_intent": intent.id})


async def test_an_inquiry_withdraws_no_money_and_allows_refunds(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay
) -> None:
    intent = await pay()
    await simulator.controls.dispute(intent.id, status="warning_needs_response")
    assert (await events_of(client, intent.id))[-1] == "charge.dispute.created"
    assert (await client.v1.refunds.create_async({"payment_intent": intent.id})).status == "succeeded"


async def test_a_test_card_is_disputed_later(client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay) -> None:
    intent = await pay("pm_card_createDispute")
    await simulator.controls.settle()
    assert (await charge_of(client, intent.id)).disputed


async def test_the_dashboard_acts_as_the_api_does(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay
) -> None:
    captured, canceled, refunded = [await pay(capture_method=m) for m in ("manual", "manual", "automatic")]
    await simulator.controls.capture(captured.id, 600)
    await simulator.controls.cancel(canceled.id)
    refund = await simulator.controls.refund(refunded.id, 100)
    assert (await client.v1.payment_intents.retrieve_async(captured.id)).amount_received == 600
    assert (await client.v1.payment_intents.retrieve_async(canceled.id)).status == "canceled"
    assert (await client.v1.refunds.retrieve_async(refund["id"])).amount == 100
    events = await client.v1.events.list_async({"type": "refund.created", "limit": 1})
    assert events.data[0].request is not None
    assert events.data[0].request.id is None


async def test_the_ledger_holds_every_movement_of_money(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay
) -> None:
    before = (await simulator.controls.ledger())["balance"].get("gbp", 0)
    intent = await pay(currency="gbp", capture_method="manual")
    await client.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 800})
    refund = await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 300})
    failed = await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 200})
    await simulator.controls.fail_refund(failed.id)
    lost = await simulator.controls.dispute(intent.id, 50)
    await simulator.controls.close_dispute(lost["id"], "lost")
    ledger = await simulator.controls.ledger()
    assert ledger["balance"]["gbp"] - before == 800 - 300 - 50
    refunds = [(r["id"], r["amount"], r["status"]) for r in ledger["refunds"] if r["payment_intent"] == intent.id]
    assert refunds == [(failed.id, 200, "failed"), (refund.id, 300, "succeeded")]
    entries = await client.v1.balance_transactions.list_async({"currency": "gbp", "limit": 5})
    kinds = ["adjustment", "refund_failure", "refund", "refund", "charge"]
    assert [(entry.type, entry.net) for entry in entries.data] == list(
        zip(kinds, [-50, 200, -200, -300, 800], strict=True)
    )
