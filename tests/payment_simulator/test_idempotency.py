"""`Idempotency-Key`: the same key and parameters get the same answer, whatever it was."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx
import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.payment_simulator.conftest import RETURN_URL, Pay
from tests.simulator import SECRET_KEY, SimulatorServer

NEW_INTENT: Any = {"amount": 1000, "currency": "eur"}
REQUESTS = st.tuples(st.sampled_from("ab"), st.sampled_from([30, 50, 60]), st.sampled_from(["", "pm_card_visa"]))
"""A key, an amount (30 is too small), and a payment method that is confirmed at once."""


async def test_the_same_key_makes_one_object(client: stripe.StripeClient) -> None:
    options: Any = {"idempotency_key": uuid4().hex}
    first, second = [await client.v1.payment_intents.create_async(NEW_INTENT, options) for _ in range(2)]
    assert first.to_dict() == second.to_dict()
    assert first.last_response is not None
    assert second.last_response is not None
    assert "idempotent-replayed" not in first.last_response.headers
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert second.last_response.headers["original-request"] == first.last_response.headers["request-id"]


async def test_other_parameters_or_another_endpoint_are_refused(client: stripe.StripeClient) -> None:
    options: Any = {"idempotency_key": uuid4().hex}
    intent = await client.v1.payment_intents.create_async(NEW_INTENT, options)
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        await client.v1.payment_intents.create_async({**NEW_INTENT, "amount": 1001}, options)
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        await client.v1.payment_intents.cancel_async(intent.id, options=options)


async def test_a_decline_is_stored(client: stripe.StripeClient) -> None:
    intent = await client.v1.payment_intents.create_async(NEW_INTENT)
    options: Any = {"idempotency_key": uuid4().hex}
    arguments: Any = {"payment_method": "pm_card_visa_chargeDeclined", "return_url": RETURN_URL}
    charges: list[str] = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refusal:
            await client.v1.payment_intents.confirm_async(intent.id, arguments, options)
        error: Any = refusal.value.error
        charges.append(error.charge)
    assert charges[0] == charges[1]
    listed = await client.v1.charges.list_async({"payment_intent": intent.id})
    assert [charge.id for charge in listed.data] == charges[:1]


async def test_a_key_is_forgotten_after_a_day(client: stripe.StripeClient, simulator: SimulatorServer) -> None:
    options: Any = {"idempotency_key": uuid4().hex}
    first = await client.v1.payment_intents.create_async(NEW_INTENT, options)
    with closing(sqlite3.connect(simulator.store)) as store, store:
        store.execute("UPDATE idempotency SET created = created - 86000")
    assert (await client.v1.payment_intents.create_async(NEW_INTENT, options)).id == first.id
    with closing(sqlite3.connect(simulator.store)) as store, store:
        store.execute("UPDATE idempotency SET created = created - 401")
    second = await client.v1.payment_intents.create_async(NEW_INTENT, options)
    assert second.id != first.id
    await simulator.controls.forget_keys()
    assert (await client.v1.payment_intents.create_async(NEW_INTENT, options)).id != second.id


async def test_an_error_of_validation_is_not_stored(client: stripe.StripeClient) -> None:
    options: Any = {"idempotency_key": uuid4().hex}
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.payment_intents.create_async({**NEW_INTENT, "colour": "red"}, options)
    assert (await client.v1.payment_intents.create_async(NEW_INTENT, options)).amount == 1000


async def until_claimed(simulator: SimulatorServer, key: str) -> None:
    """Wait until a request has claimed the key, at most twenty seconds."""
    deadline = time.monotonic() + 20
    with closing(sqlite3.connect(simulator.store)) as store:
        while store.execute("SELECT 1 FROM idempotency WHERE key = ?", [key]).fetchone() is None:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)


async def test_a_concurrent_request_with_the_key_is_a_conflict(
    client: stripe.StripeClient, simulator: SimulatorServer
) -> None:
    await simulator.controls.fault("hold_before", seconds=2, method="POST", times=1)
    options: Any = {"idempotency_key": uuid4().hex}
    first = asyncio.create_task(client.v1.payment_intents.create_async(NEW_INTENT, options))
    await until_claimed(simulator, options["idempotency_key"])
    with pytest.raises(stripe.APIError) as conflict:
        await client.v1.payment_intents.create_async(NEW_INTENT, options)
    error: Any = conflict.value.json_body
    assert (conflict.value.http_status, error["error"]["code"]) == (409, "idempotency_key_in_use")
    assert (await client.v1.payment_intents.create_async(NEW_INTENT)).id != (await first).id
    assert (await client.v1.payment_intents.create_async(NEW_INTENT, options)).id == (await first).id


async def test_a_request_that_lost_its_claim_has_no_effect(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay
) -> None:
    intent = await pay()
    await simulator.controls.fault("hold_before", seconds=2, path="/v1/refunds$", times=1)
    options: Any = {"idempotency_key": uuid4().hex}
    arguments: Any = {"payment_intent": intent.id, "amount": 100}
    first = asyncio.create_task(client.v1.refunds.create_async(arguments, options))
    await until_claimed(simulator, options["idempotency_key"])
    with closing(sqlite3.connect(simulator.store)) as store, store:
        store.execute("UPDATE idempotency SET claimed_until = 0 WHERE key = ?", [options["idempotency_key"]])
    second = await client.v1.refunds.create_async(arguments, options)
    with pytest.raises(stripe.APIError) as conflict:
        await first
    assert conflict.value.http_status == 409
    assert [r.id for r in (await client.v1.refunds.list_async({"payment_intent": intent.id})).data] == [second.id]


async def test_a_lost_answer_is_sent_again(client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay) -> None:
    intent = await pay()
    await simulator.controls.fault("drop_after", path="/v1/refunds", times=1)
    options: Any = {"idempotency_key": uuid4().hex}
    arguments: Any = {"payment_intent": intent.id, "amount": 700}
    with pytest.raises(stripe.APIConnectionError):
        await client.v1.refunds.create_async(arguments, options)
    refund = await client.v1.refunds.create_async(arguments, options)
    assert [r.id for r in (await client.v1.refunds.list_async({"payment_intent": intent.id})).data] == [refund.id]


async def test_a_server_error_after_the_effect_is_stored(
    client: stripe.StripeClient, simulator: SimulatorServer, pay: Pay
) -> None:
    intent = await pay()
    await simulator.controls.fault("error_after", path="/v1/refunds", times=1)
    options: Any = {"idempotency_key": uuid4().hex}
    arguments: Any = {"payment_intent": intent.id, "amount": 700}
    for _ in range(2):
        with pytest.raises(stripe.APIError) as refusal:
            await client.v1.refunds.create_async(arguments, options)
        assert refusal.value.http_status == 500
    listed = await client.v1.refunds.list_async({"payment_intent": intent.id})
    assert [refund.amount for refund in listed.data] == [700]


@settings(max_examples=25)
@given(requests=st.lists(REQUESTS, min_size=2, max_size=8))
async def test_a_key_has_one_answer_for_one_request(
    simulator: SimulatorServer, requests: list[tuple[str, int, str]]
) -> None:
    """The model: the first request of a key that reaches its endpoint decides."""
    stored: dict[str, tuple[tuple[int, str], httpx.Response]] = {}
    prefix = uuid4().hex
    async with httpx.AsyncClient(base_url=simulator.url, headers={"authorization": f"Bearer {SECRET_KEY}"}) as client:
        created = await intents_since(client, None)
        effects = 0
        for key, amount, method in requests:
            form: dict[str, Any] = {"amount": amount, "currency": "eur"}
            if method:
                form |= {"payment_method": method, "confirm": "true", "return_url": RETURN_URL}
            headers = {"idempotency-key": prefix + key}
            answer = await client.post("/v1/payment_intents", data=form, headers=headers)
            if key not in stored:
                stored[key] = ((amount, method), answer)
                effects += amount >= 50
                assert answer.status_code == (200 if amount >= 50 else 400)
            elif stored[key][0] == (amount, method):
                assert (answer.status_code, answer.json()) == (stored[key][1].status_code, stored[key][1].json())
            else:
                assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")
        assert len(await intents_since(client, created[0] if created else None)) == effects


async def intents_since(client: httpx.AsyncClient, last: str | None) -> list[str]:
    """The payment intents that are newer than this one, the newest first."""
    parameters: dict[str, Any] = {"limit": 100} | ({"ending_before": last} if last else {})
    return [item["id"] for item in (await client.get("/v1/payment_intents", params=parameters)).json()["data"]]


async def test_many_at_once_with_one_key_make_one_object(
    client: stripe.StripeClient, simulator: SimulatorServer
) -> None:
    options: Any = {"idempotency_key": uuid4().hex}

    async def settled(call: Callable[[], Awaitable[stripe.PaymentIntent]]) -> str | None:
        try:
            return (await call()).id
        except stripe.APIError as error:
            return None if error.http_status == 409 else str(error)

    calls = [settled(lambda: client.v1.payment_intents.create_async(NEW_INTENT, options)) for _ in range(10)]
    made = {intent for intent in await asyncio.gather(*calls) if intent is not None}
    assert len(made) == 1
