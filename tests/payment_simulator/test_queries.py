"""Lists, search, expanding and faults of parameters, with the official Stripe client."""

from typing import Any
from uuid import uuid4

import pytest
import stripe

from tests.payment_simulator.conftest import Pay
from tests.simulator import SimulatorServer


async def new_intents(client: stripe.StripeClient, number: int, **metadata: str) -> list[str]:
    """The ids of new payment intents."""
    arguments: Any = {"amount": 1000, "currency": "eur", "metadata": metadata}
    return [(await client.v1.payment_intents.create_async(arguments)).id for _ in range(number)]


async def test_lists_are_paged_from_the_newest(client: stripe.StripeClient) -> None:
    oldest, middle, newest = await new_intents(client, 3)
    page = await client.v1.payment_intents.list_async({"limit": 2})
    assert ([intent.id for intent in page.data], page.has_more) == ([newest, middle], True)
    after = await client.v1.payment_intents.list_async({"limit": 1, "starting_after": middle})
    assert [intent.id for intent in after.data] == [oldest]
    before = await client.v1.payment_intents.list_async({"limit": 1, "ending_before": oldest})
    assert ([intent.id for intent in before.data], before.has_more) == ([middle], True)
    seen = [intent.id async for intent in page.auto_paging_iter()]
    assert seen[:3] == [newest, middle, oldest]


async def test_lists_are_filtered_by_time(client: stripe.StripeClient) -> None:
    (intent,) = [await client.v1.payment_intents.retrieve_async(i) for i in await new_intents(client, 1)]
    at_least = await client.v1.payment_intents.list_async({"created": {"gte": intent.created}, "limit": 100})
    assert intent.id in [item.id for item in at_least.data]
    later = await client.v1.payment_intents.list_async({"created": {"gt": intent.created + 60}})
    assert later.data == []


async def test_payment_intents_are_found_by_metadata(client: stripe.StripeClient) -> None:
    value = uuid4().hex
    (intent,) = await new_intents(client, 1, payment_id=value)
    for query in (
        f"metadata['payment_id']:'{value}'",
        f'metadata["payment_id"]:"{value}" AND status:"requires_payment_method" AND amount>999',
        f"metadata['payment_id']:'{value}' -metadata['other']:'x' currency:eur created<9999999999",
    ):
        matches = await client.v1.payment_intents.search_async({"query": query})
        assert [item.id for item in matches.data] == [intent]
    for query in (
        f"metadata['payment_id']:'{value}0'",
        f"metadata['payment_id']:'{value}' AND status:'succeeded'",
        f"metadata['payment_id']:'{value}' -metadata['payment_id']:'{value}'",
        f"metadata['payment_id']:'{value}' AND amount>1000",
        f"metadata['other']:'{value}'",
    ):
        assert (await client.v1.payment_intents.search_async({"query": query})).data == []
    with pytest.raises(stripe.InvalidRequestError, match="parse your search query"):
        await client.v1.payment_intents.search_async({"query": "payment_id is 7"})


async def test_search_may_lag(client: stripe.StripeClient, simulator: SimulatorServer) -> None:
    value = uuid4().hex
    await new_intents(client, 1, payment_id=value)
    await simulator.controls.search_lag(60)
    try:
        found = await client.v1.payment_intents.search_async({"query": f"metadata['payment_id']:'{value}'"})
        assert found.data == []
    finally:
        await simulator.controls.search_lag(0)


async def test_ids_are_expanded(client: stripe.StripeClient, pay: Pay) -> None:
    intent = await pay()
    charge = await client.v1.charges.retrieve_async(
        (await client.v1.payment_intents.retrieve_async(intent.id)).latest_charge or "",  # pyright: ignore
        {"expand": ["payment_intent.payment_method", "balance_transaction"]},
    )
    expanded: Any = charge
    assert expanded.payment_intent.payment_method.card.last4 == "4242"
    assert expanded.balance_transaction.net == 1000
    page: Any = await client.v1.payment_intents.list_async({"limit": 1, "expand": ["data.latest_charge"]})
    assert page.data[0].latest_charge.id == charge.id
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        await client.v1.payment_intents.retrieve_async(intent.id, {"expand": ["amount"]})


@pytest.mark.parametrize(
    ("members", "code", "param"),
    [
        ({"amount": None}, "parameter_missing", "amount"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": "1.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": -1}, "parameter_invalid_integer", "amount"),
        ({"amount": ""}, "parameter_invalid_empty", "amount"),
        ({"currency": "xyz"}, None, "currency"),
        ({"capture_method": "later"}, None, "capture_method"),
        ({"metadata": {"name": "x" * 501}}, None, "metadata[name]"),
        ({"metadata": {"n" * 41: "x"}}, None, f"metadata[{'n' * 40}]"),
        ({"metadata": {str(number): "x" for number in range(51)}}, None, "metadata"),
        ({"return_url": "javascript:alert(1)"}, "url_invalid", "return_url"),
    ],
)
async def test_faults_of_parameters_are_named(
    client: stripe.StripeClient, members: dict[str, Any], code: str | None, param: str
) -> None:
    arguments = {"amount": 1000, "currency": "eur"} | members
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await client.v1.payment_intents.create_async({n: v for n, v in arguments.items() if v is not None})  # pyright: ignore
    assert (refusal.value.http_status, refusal.value.code, refusal.value.param) == (400, code, param)


async def test_what_does_not_exist_is_not_found(client: stripe.StripeClient) -> None:
    for retrieve in (
        client.v1.payment_intents.retrieve_async,
        client.v1.charges.retrieve_async,
        client.v1.refunds.retrieve_async,
        client.v1.disputes.retrieve_async,
        client.v1.events.retrieve_async,
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such") as refusal:
            await retrieve("pi_none")
        assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        await client.v1.customers.list_async()


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (50, "eur", None),
        (49, "eur", "amount_too_small"),
        (29, "gbp", "amount_too_small"),
        (49, "jpy", "amount_too_small"),
        (500, "jpy", None),
        (99_999_999, "usd", None),
        (100_000_000, "usd", "amount_too_large"),
        (100_000_000, "huf", None),
        (9_999_999_999, "jpy", None),
        (10_000_000_000, "jpy", "amount_too_large"),
        (49, "zar", "amount_too_small"),
        (500, "isk", None),
        (550, "isk", "invalid_charge_amount"),
        (550, "ugx", "invalid_charge_amount"),
        (5, "mga", None),
        (5120, "kwd", None),
        (5124, "kwd", "invalid_charge_amount"),
    ],
)
async def test_amounts_follow_the_list_of_currencies(
    client: stripe.StripeClient, amount: int, currency: str, code: str | None
) -> None:
    arguments: Any = {"amount": amount, "currency": currency}
    if code is None:
        assert (await client.v1.payment_intents.create_async(arguments)).amount == amount
        return
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await client.v1.payment_intents.create_async(arguments)
    assert (refusal.value.code, refusal.value.param) == (code, "amount")


async def test_refunds_follow_the_step_of_the_currency(client: stripe.StripeClient, pay: Pay) -> None:
    intent = await pay(currency="isk", amount=5000)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 150})
    assert refusal.value.code == "invalid_charge_amount"
    assert (await client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 200})).amount == 200
