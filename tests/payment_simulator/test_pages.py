"""The payment page and the 3-D Secure page, as a browser without JavaScript uses them."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import stripe

from tests.payment_simulator.conftest import RETURN_URL
from tests.simulator import SimulatorServer

CARD = {"expiry": "12/34", "cvc": "123"}


@pytest.fixture
async def browser(simulator: SimulatorServer) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that does not follow redirects."""
    async with httpx.AsyncClient(base_url=simulator.url) as browser:
        yield browser


async def new_intent(client: stripe.StripeClient, **members: object) -> stripe.PaymentIntent:
    """A payment intent of 12.34 EUR."""
    defaults = {"amount": 1234, "currency": "eur", "automatic_payment_methods": {"enabled": True}}
    return await client.v1.payment_intents.create_async({**defaults, **members})  # pyright: ignore


def outcome_of(answer: httpx.Response) -> tuple[str, str]:
    """The shop's URL and the outcome that the browser is sent back with."""
    assert answer.status_code == 303, answer.text
    url = urlsplit(answer.headers["location"])
    return url._replace(query="").geturl(), parse_qs(url.query)["redirect_status"][0]


async def test_a_newcomer_pays_with_a_test_card(client: stripe.StripeClient, browser: httpx.AsyncClient) -> None:
    intent = await new_intent(client, metadata={"order_number": "1001"}, return_url=f"{RETURN_URL}?a=1")
    path = f"/pay/{intent.client_secret}"
    page = await browser.get(path)
    assert page.status_code == 200
    for text in ("12.34 EUR", "Order 1001", "This is a simulation", "4242\N{NO-BREAK SPACE}4242\N{NO-BREAK SPACE}4242"):
        assert text in page.text
    assert "<script" not in page.text
    assert "form-action 'self' https://shop.example" in page.headers["content-security-policy"]
    answer = await browser.post(path, data={"number": "4242\N{NO-BREAK SPACE}4242 4242-4242", **CARD})
    assert outcome_of(answer) == (RETURN_URL, "succeeded")
    assert parse_qs(urlsplit(answer.headers["location"]).query)["payment_intent"] == [intent.id]
    assert "Paid" in (await browser.get(path)).text
    assert (await client.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"


async def test_a_decline_is_shown_and_another_card_can_pay(
    client: stripe.StripeClient, browser: httpx.AsyncClient
) -> None:
    path = f"/pay/{(await new_intent(client)).client_secret}"
    declined = await browser.post(path, data={"number": "4000000000009995", **CARD})
    assert "Your card has insufficient funds." in declined.text
    assert "Your card has insufficient funds." in (await browser.get(path)).text
    paid = await browser.post(path, data={"number": "4242424242424242", **CARD}, follow_redirects=True)
    assert "Paid" in paid.text


async def test_a_form_that_is_sent_twice_pays_once(client: stripe.StripeClient, browser: httpx.AsyncClient) -> None:
    intent = await new_intent(client, return_url=RETURN_URL)
    for _ in range(2):
        answer = await browser.post(f"/pay/{intent.client_secret}", data={"number": "4242424242424242", **CARD})
        assert outcome_of(answer) == (RETURN_URL, "succeeded")
    assert len((await client.v1.charges.list_async({"payment_intent": intent.id})).data) == 1


@pytest.mark.parametrize(("result", "status"), [("complete", "succeeded"), ("fail", "failed")])
async def test_three_d_secure_is_a_page(
    client: stripe.StripeClient, browser: httpx.AsyncClient, result: str, status: str
) -> None:
    intent = await new_intent(client, return_url=RETURN_URL)
    answer = await browser.post(f"/pay/{intent.client_secret}", data={"number": "4000000000003220", **CARD})
    assert answer.headers["location"] == f"/authenticate/{intent.client_secret}"
    page = await browser.get(answer.headers["location"])
    assert "12.34 EUR" in page.text
    assert outcome_of(await browser.post(str(page.url), data={"result": result})) == (RETURN_URL, status)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"number": "4242424242424241", **CARD}, "Your card number is incorrect."),
        ({"number": "", **CARD}, "Enter a card number."),
        ({"number": "4242424242424242", "expiry": "13/34", "cvc": "123"}, "Enter the month and year as MM/YY."),
        ({"number": "4242424242424242", "expiry": "12/34", "cvc": "1"}, "Enter the three or four digits."),
    ],
)
async def test_faults_of_the_form_are_shown(
    client: stripe.StripeClient, browser: httpx.AsyncClient, form: dict[str, str], text: str
) -> None:
    intent = await new_intent(client)
    page = await browser.post(f"/pay/{intent.client_secret}", data=form)
    assert page.status_code in (402, 422)
    assert f"Error: {text}" in page.text
    assert (await client.v1.payment_intents.retrieve_async(intent.id)).latest_charge is None


async def test_a_real_card_is_declined_and_its_number_is_not_stored(
    client: stripe.StripeClient, simulator: SimulatorServer, browser: httpx.AsyncClient
) -> None:
    number = "4539578763621486"
    page = await browser.post(f"/pay/{(await new_intent(client)).client_secret}", data={"number": number, **CARD})
    assert "non test card" in page.text
    assert number not in page.text
    files = [*simulator.store.parent.iterdir()]
    assert len(files) > 1
    for file in files:
        assert number.encode() not in file.read_bytes()
        assert b"4242424242424242" not in file.read_bytes()


async def test_only_the_whole_secret_opens_a_page(client: stripe.StripeClient, browser: httpx.AsyncClient) -> None:
    intent = await new_intent(client)
    other = await new_intent(client)
    mixed = f"{intent.id}_secret_{(other.client_secret or '').rpartition('_')[2]}"
    for path in (f"/pay/{mixed}", f"/pay/{intent.id}", "/pay/", "/"):
        assert (await browser.get(path)).status_code == 404


async def test_the_stylesheet_comes_from_the_simulator(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/pages.css")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
