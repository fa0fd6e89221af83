"""The provider `stripe` against a real server with Stripe's API, and the same in this process."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.areas.payments.providers.stripe_bench import SHOP, Bench, bench_in_process, bench_over_tcp, payment_request
from tests.factories import unique
from tradepost.areas.payments.providers.provider import (
    Failure,
    ProviderPayment,
    ProviderRefused,
    ProviderUnavailable,
)
from tradepost.kit.ids import new_id

pytestmark = pytest.mark.anyio

VISA, DECLINED, SECURE = "pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", params=["in process", "over TCP"])
async def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """The provider and its simulator."""
    store = tmp_path_factory.mktemp("simulator") / "store.db"
    create = bench_in_process if request.param == "in process" else bench_over_tcp
    async with create(store) as bench:
        yield bench


def reference(payment: ProviderPayment) -> str:
    """Return the id of a payment at Stripe."""
    assert payment.reference is not None
    return payment.reference


async def test_a_new_payment_waits_for_the_payer(bench: Bench) -> None:
    request = payment_request()
    payment = await bench.provider.create(request, unique("key"))
    assert (payment.status, payment.amount, payment.currency) == ("requires_action", 2500, "EUR")
    assert (payment.payment_id, payment.authorized, payment.captured) == (request.payment_id, 0, 0)
    assert payment.next_action is not None
    assert (payment.next_action.type, payment.next_action.url) == ("client_secret", None)
    assert payment.next_action.secret is not None
    assert payment.next_action.secret.startswith(f"{payment.reference}_secret_")
    assert await bench.provider.read(reference(payment)) == payment


async def test_stripe_gets_ids_the_amount_and_the_text_and_nothing_else(bench: Bench) -> None:
    request = payment_request()
    payment = await bench.provider.create(request, unique("key"))
    answer = await bench.client.get(
        f"/v1/payment_intents/{payment.reference}", headers={"Authorization": "Bearer sk_test_bench"}
    )
    intent = answer.json()
    assert intent["metadata"] == {"payment_id": request.payment_id, "order_id": request.order_id, "shop": SHOP}
    assert (intent["description"], intent["capture_method"]) == ("Order 1001", "automatic")
    assert intent["automatic_payment_methods"]["enabled"]
    assert (intent["receipt_email"], intent["customer"], intent["shipping"]) == (None, None, None)


async def test_a_card_pays_at_once(bench: Bench) -> None:
    paid = await bench.payment(VISA)
    assert (paid.status, paid.captured, paid.authorized) == ("captured", 2500, 0)
    assert (paid.next_action, paid.failure, paid.capture_before, paid.refunds) == (None, None, None, ())


async def test_a_declined_card_can_be_followed_by_another(bench: Bench) -> None:
    payment = await bench.payment(DECLINED)
    assert payment.status == "requires_action"
    assert payment.failure == Failure("card_declined", "Your card was declined.")
    assert payment.next_action is not None
    await bench.pay(payment, VISA)
    paid = await bench.provider.read(reference(payment))
    assert (paid.status, paid.failure) == ("captured", None)


async def test_the_payer_is_not_told_that_a_card_was_stolen(bench: Bench) -> None:
    payment = await bench.payment("pm_card_visa_chargeDeclinedStolenCard")
    assert payment.failure == Failure("card_declined", "Your card was declined.")


@pytest.mark.parametrize(("complete", "status"), [(True, "captured"), (False, "requires_action")])
async def test_3d_secure_waits_for_the_payer(bench: Bench, complete: bool, status: str) -> None:
    payment = await bench.payment(SECURE)
    assert (payment.status, payment.failure) == ("requires_action", None)
    assert payment.next_action is not None
    await bench.control("authenticate", payment_intent=payment.reference, complete=complete)
    after = await bench.provider.read(reference(payment))
    assert (after.status, after.failure is None) == (status, complete)


async def test_a_bank_debit_is_processing_until_it_has_settled(bench: Bench) -> None:
    payment = await bench.payment("pm_success_at")
    assert (payment.status, payment.next_action, payment.captured) == ("processing", None, 0)
    as_it_was = await bench.provider.void(reference(payment), unique("key"))
    assert as_it_was.status == "processing"
    await bench.control("settle")
    assert (await bench.provider.read(reference(payment))).status == "captured"


async def test_an_authorization_is_captured_in_part_and_the_rest_lapses(bench: Bench) -> None:
    payment = await bench.payment(VISA, captures_at_once=False)
    assert (payment.status, payment.authorized, payment.captured) == ("authorized", 2500, 0)
    assert payment.capture_before is not None
    assert timedelta(days=6) < payment.capture_before - datetime.now(UTC) < timedelta(days=8)
    key = unique("key")
    captured = await bench.provider.capture(reference(payment), 2000, "EUR", key)
    assert (captured.status, captured.authorized, captured.captured) == ("captured", 0, 2000)
    assert captured.capture_before is None
    # What was released is no refund, though Stripe lists it as one.
    assert captured.refunds == ()
    assert await bench.provider.capture(reference(payment), 2000, "EUR", key) == captured
    with pytest.raises(ProviderRefused, match="payment_intent_unexpected_state"):
        await bench.provider.capture(reference(payment), 500, "EUR", unique("key"))
    refund = await bench.provider.refund(reference(payment), "refund-1", 500, "EUR", None, unique("key"))
    assert (await bench.provider.read(reference(payment))).refunds == (refund,)


async def test_more_than_is_authorized_cannot_be_captured(bench: Bench) -> None:
    payment = await bench.payment(VISA, captures_at_once=False)
    with pytest.raises(ProviderRefused) as refused:
        await bench.provider.capture(reference(payment), 2600, "EUR", unique("key"))
    assert refused.value.code == "amount_too_large"


async def test_an_authorization_that_lapses_is_voided(bench: Bench) -> None:
    payment = await bench.payment(VISA, captures_at_once=False)
    await bench.control("lapse")
    lapsed = await bench.provider.read(reference(payment))
    assert (lapsed.status, lapsed.authorized, lapsed.captured, lapsed.refunds) == ("voided", 0, 0, ())


async def test_a_void_ends_a_payment_unless_it_has_succeeded(bench: Bench) -> None:
    waiting, authorized = await bench.payment(), await bench.payment(VISA, captures_at_once=False)
    for payment in (waiting, authorized):
        voided = await bench.provider.void(reference(payment), unique("key"))
        assert (voided.status, voided.authorized, voided.next_action) == ("voided", 0, None)
        assert await bench.provider.void(reference(payment), unique("key")) == voided
    paid = await bench.payment(VISA)
    assert (await bench.provider.void(reference(paid), unique("key"))).status == "captured"


async def test_a_refund_is_made_once_for_a_key(bench: Bench) -> None:
    paid, key = await bench.payment(VISA), unique("key")
    refund = await bench.provider.refund(reference(paid), "refund-1", 1000, "EUR", "Too small", key)
    assert (refund.refund_id, refund.amount, refund.status, refund.failure) == ("refund-1", 1000, "succeeded", None)
    assert await bench.provider.refund(reference(paid), "refund-1", 1000, "EUR", "Too small", key) == refund
    assert (await bench.provider.read(reference(paid))).refunds == (refund,)
    with pytest.raises(ProviderRefused, match="greater than unrefunded"):
        await bench.provider.refund(reference(paid), "refund-2", 1600, "EUR", None, unique("key"))


async def test_a_refund_may_be_pending_and_may_fail_later(bench: Bench) -> None:
    slow, failing = await bench.payment("pm_card_pendingRefund"), await bench.payment("pm_card_refundFail")
    pending = await bench.provider.refund(reference(slow), "refund-1", 100, "EUR", "duplicate", unique("key"))
    assert pending.status == "pending"
    await bench.provider.refund(reference(failing), "refund-2", 100, "EUR", None, unique("key"))
    await bench.control("settle")
    assert [r.status for r in (await bench.provider.read(reference(slow))).refunds or ()] == ["succeeded"]
    (failed,) = (await bench.provider.read(reference(failing))).refunds or ()
    assert failed.status == "failed"
    assert failed.failure is not None
    assert failed.failure.code == "lost_or_stolen_card"


async def test_more_than_ten_refunds_and_those_of_the_dashboard_are_read(bench: Bench) -> None:
    paid = await bench.payment(VISA)
    for number in range(12):
        await bench.provider.refund(reference(paid), f"refund-{number}", 100, "EUR", None, unique("key"))
    await bench.control("refund", payment_intent=paid.reference, amount=50)
    refunds = (await bench.provider.read(reference(paid))).refunds or ()
    assert [refund.refund_id for refund in refunds] == [None, *[f"refund-{number}" for number in range(12)][::-1]]


@pytest.mark.parametrize(("end", "outcome"), [("won", "won"), ("lost", "lost")])
async def test_a_dispute_is_read_with_its_payment(bench: Bench, end: str, outcome: str) -> None:
    paid = await bench.payment(VISA)
    dispute = await bench.control("dispute", payment_intent=paid.reference, amount=2000, reason="product_not_received")
    disputed = (await bench.provider.read(reference(paid))).dispute
    assert disputed is not None
    assert (disputed.amount, disputed.reason, disputed.outcome) == (2000, "product_not_received", "open")
    assert disputed.due_by is not None
    with pytest.raises(ProviderRefused, match="charge_disputed"):
        await bench.provider.refund(reference(paid), "refund-1", 100, "EUR", None, unique("key"))
    await bench.control("close_dispute", dispute=dispute["id"], status=end)
    after = (await bench.provider.read(reference(paid))).dispute
    assert after is not None
    assert after.outcome == outcome


async def test_a_payment_is_found_by_our_id_at_once(bench: Bench) -> None:
    payment = await bench.payment(VISA)
    await bench.control("search_lag", seconds=60)
    assert payment.payment_id is not None
    assert await bench.provider.find(payment.payment_id) == payment
    assert await bench.provider.find(new_id(50)) is None


async def test_all_payments_of_this_shop_since_a_time_are_listed_page_by_page(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradepost.areas.payments.providers.stripe.PAGE", 2)
    shop = unique("https://shop")
    provider = bench.provider_with(shop=shop)
    made = [await provider.create(payment_request(), unique("key")) for _ in range(5)]
    await bench.payment()
    since = datetime.now(UTC) - timedelta(minutes=5)
    assert [payment.reference async for payment in provider.payments_since(since)] == [
        payment.reference for payment in reversed(made)
    ]
    assert [payment async for payment in provider.payments_since(datetime.now(UTC) + timedelta(minutes=5))] == []
    await provider.close()


@pytest.mark.parametrize(
    ("currency", "amount", "counted"),
    [("ISK", 1500, 150_000), ("MGA", 9000, 9000), ("KWD", 5120, 5120), ("JPY", 500, 500)],
)
async def test_amounts_of_other_currencies_arrive_as_they_are_meant(
    bench: Bench, currency: str, amount: int, counted: int
) -> None:
    payment = await bench.payment(VISA, currency=currency, amount=amount)
    assert (payment.currency, payment.amount, payment.captured) == (currency, amount, amount)
    ledger = await bench.control("ledger")
    (intent,) = [i for i in ledger["payment_intents"] if i["id"] == payment.reference]
    assert (intent["amount_received"], intent["currency"]) == (counted, currency.lower())
    refund = await bench.provider.refund(reference(payment), "refund-1", amount // 10 * 5, currency, None, unique("k"))
    assert refund.amount == amount // 10 * 5


@pytest.mark.parametrize(
    ("currency", "amount", "code"), [("KWD", 5124, "invalid_amount"), ("EUR", 49, "amount_too_small")]
)
async def test_an_amount_that_stripe_does_not_take_is_refused(
    bench: Bench, currency: str, amount: int, code: str
) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await bench.provider.create(payment_request(currency=currency, amount=amount), unique("key"))
    assert refused.value.code == code


async def test_a_repeated_creation_makes_one_payment(bench: Bench) -> None:
    request, key = payment_request(), unique("key")
    assert await bench.provider.create(request, key) == await bench.provider.create(request, key)


async def test_a_payment_that_does_not_exist_is_refused(bench: Bench) -> None:
    with pytest.raises(ProviderRefused, match="resource_missing"):
        await bench.provider.read("pi_missing")


@pytest.mark.parametrize("kind", ["error_before", "error_after", "rate_limit"])
async def test_errors_of_the_server_leave_the_result_open(bench: Bench, kind: str) -> None:
    await bench.control("fault", kind=kind, method="POST", path="payment_intents$", times=1)
    request, key = payment_request(), unique("key")
    with pytest.raises(ProviderUnavailable):
        await bench.provider.create(request, key)
    found = await bench.provider.find(request.payment_id)
    assert (found is not None) == (kind == "error_after")


async def test_an_answer_that_does_not_come_in_time_leaves_the_result_open(bench: Bench) -> None:
    provider = bench.provider_with(timeout=0.5)
    await bench.control("fault", kind="hold_after", seconds=2, method="POST", path="payment_intents$", times=1)
    request, key = payment_request(), unique("key")
    with pytest.raises(ProviderUnavailable):
        await provider.create(request, key)
    found = await bench.provider.find(request.payment_id)
    assert found is not None
    assert (found.payment_id, found.status) == (request.payment_id, "requires_action")
    await provider.close()
