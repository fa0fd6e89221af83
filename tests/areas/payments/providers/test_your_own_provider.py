"""The example of the guide on payment providers runs, and the places that it names exist."""

import hmac
import inspect
import json
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

import tradepost
from tests.areas.payments.providers.stripe_bench import payment_request
from tests.factories import Json
from tradepost import bootstrap
from tradepost.areas.payments.providers.manual import ManualProvider
from tradepost.areas.payments.providers.provider import (
    Failure,
    InvalidSignature,
    PaymentProvider,
    ProviderRefused,
    ProviderUnavailable,
)
from tradepost.areas.pricing.payment_method_setting import METHODS
from tradepost.doors.pages.guides import FOLDER
from tradepost.settings import SECRETS

pytestmark = pytest.mark.anyio

GUIDE = (FOLDER / "your-own-provider.md").read_text()
NUMBERS = count(1)


class Acme:
    """The service of the guide: an in-memory Acme Pay."""

    def __init__(self) -> None:
        self.payments: dict[str, Json] = {}
        self.answers: dict[str, httpx.Response] = {}
        self.outage: httpx.Response | Exception | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request; once for each idempotency key."""
        if isinstance(self.outage, Exception):
            raise self.outage
        if self.outage is not None:
            return self.outage
        key = request.headers.get("acme-idempotency-key")
        if key is None or key not in self.answers:
            answer = self._answer(request)
            self.answers[key or ""] = answer
            return answer
        return self.answers[key]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        _, _, *rest = request.url.path.split("/")
        body = json.loads(request.content or b"null")
        if not rest and request.method == "POST":
            return httpx.Response(200, json=self._create(body))
        if not rest:
            return httpx.Response(200, json=self._list(request.url.params))
        payment = self.payments.get(rest[0])
        if payment is None:
            return httpx.Response(404, json={"code": "missing", "message": "There is no such payment."})
        if rest[1:] == ["capture"]:
            payment |= {"status": "paid", "taken": body["amount"], "reserved": 0}
        elif rest[1:] == ["cancel"] and payment["status"] == "paid":
            return httpx.Response(422, json={"code": "paid", "message": "It is paid."})
        elif rest[1:] == ["cancel"]:
            payment |= {"status": "cancelled", "reserved": 0}
        elif rest[1:] == ["refunds"]:
            refund = {"id": f"r{next(NUMBERS)}", "status": "succeeded", **body}
            payment["refunds"].append(refund)
            return httpx.Response(200, json=refund)
        return httpx.Response(200, json=payment)

    def _create(self, body: Json) -> Json:
        id = f"p{next(NUMBERS)}"
        state = {"status": "open", "reserved": 0, "taken": 0, "decline": None, "refunds": []}
        self.payments[id] = {**body, **state, "id": id, "page": f"https://acme.example/{id}"}
        return self.payments[id]

    def _list(self, query: httpx.QueryParams) -> Json:
        """One payment a page, so that paging is used."""
        items = [p for p in self.payments.values() if query.get("our_id") in (None, p["our_id"])]
        start = int(query.get("start", 0))
        more = f"/payments?since={query.get('since')}&start={start + 1}" if start + 1 < len(items) else None
        return {"payments": items[start : start + 1], "next_page": more}

    def pay(self, reference: str, *, declined: bool = False) -> None:
        """Pay on the page of Acme."""
        payment = self.payments[reference]
        if declined:
            payment["decline"] = {"code": "no_funds", "message": "The account has too little money."}
            return
        held = payment["reserve_only"]
        state = {"status": "reserved", "reserved": payment["amount"]} if held else {"status": "paid"}
        payment |= {"taken": 0 if held else payment["amount"], "decline": None, **state}


@pytest.fixture(scope="module")
def example() -> ModuleType:
    """The file of the guide as a module."""
    [code] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    module = ModuleType("acme")
    exec(compile(code, "your-own-provider.md", "exec"), vars(module))  # noqa: S102 - the guide is ours
    return module


@pytest.fixture
def acme() -> Acme:
    """The service."""
    return Acme()


@pytest.fixture
async def provider(example: ModuleType, acme: Acme) -> AsyncIterator[Any]:
    """The provider of the guide."""
    provider = example.AcmeProvider("key", "secret", "https://shop.example", httpx.MockTransport(acme))
    yield provider
    await provider.close()


def test_the_example_has_the_methods_of_the_interface(example: ModuleType) -> None:
    names = [name for name, value in vars(PaymentProvider).items() if inspect.isfunction(value) and name[0] != "_"]
    assert len(names) == 9
    for name in names:
        expected = inspect.signature(getattr(ManualProvider, name))
        assert inspect.signature(getattr(example.AcmeProvider, name)) == expected, name
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", GUIDE, re.MULTILINE)
    assert sorted(re.findall(r"\w+", " ".join(rows))) == sorted(names)


async def test_a_payment_is_declined_paid_and_refunded(provider: Any, acme: Acme) -> None:
    request = payment_request()
    payment = await provider.create(request, "k1")
    assert await provider.create(request, "k1") == payment
    assert (payment.status, payment.next_action.url) == ("requires_action", f"https://acme.example/{payment.reference}")
    acme.pay(payment.reference, declined=True)
    declined = await provider.read(payment.reference)
    assert (declined.status, declined.failure) == (
        "requires_action",
        Failure("no_funds", "The account has too little money."),
    )
    acme.pay(payment.reference)
    paid = await provider.find(request.payment_id)
    assert (paid.status, paid.captured, paid.next_action, paid.failure) == ("captured", 2500, None, None)
    refund = await provider.refund(payment.reference, "our-refund", 500, "EUR", None, "k2")
    assert (refund.refund_id, refund.amount, refund.status) == ("our-refund", 500, "succeeded")
    assert (await provider.read(payment.reference)).refunds == (refund,)
    assert (await provider.void(payment.reference, "k3")).status == "captured"


async def test_an_authorization_is_captured_or_voided(provider: Any, acme: Acme) -> None:
    first, second = [await provider.create(payment_request(captures_at_once=False), f"k{n}") for n in range(2)]
    for payment in (first, second):
        acme.pay(payment.reference)
    assert (await provider.read(first.reference)).authorized == 2500
    captured = await provider.capture(first.reference, 2000, "EUR", "k2")
    assert (captured.status, captured.captured, captured.authorized) == ("captured", 2000, 0)
    assert (await provider.void(second.reference, "k3")).status == "voided"
    listed = [payment.reference async for payment in provider.payments_since(datetime.now(UTC))]
    assert listed == [first.reference, second.reference]


@pytest.mark.parametrize("outage", [httpx.Response(503, json={}), httpx.Response(200, text="x"), httpx.ReadTimeout("")])
async def test_a_lost_answer_leaves_the_result_open(provider: Any, acme: Acme, outage: Any) -> None:
    acme.outage = outage
    with pytest.raises(ProviderUnavailable):
        await provider.create(payment_request(), "k1")
    acme.outage = None
    with pytest.raises(ProviderRefused, match="missing"):
        await provider.read("p0")
    assert await provider.find("ours") is None


@pytest.mark.parametrize(
    ("age", "secret", "reason"), [(0, b"secret", None), (400, b"secret", "300 seconds"), (0, b"other", "not signed")]
)
async def test_a_webhook_is_valid_if_it_is_signed_and_new(
    provider: Any, age: int, secret: bytes, reason: str | None
) -> None:
    payment = {"id": "p1", "our_id": "o1", "shop": "https://shop.example", "payer": "Ada"}
    payment |= {"status": "paid", "amount": 1, "currency": "EUR"}
    body = json.dumps({"id": "e1", "type": "paid", "live": True, "payment": payment}).encode()
    sent_at = str(int(time.time()) - age)
    signature = hmac.digest(secret, f"{sent_at}.".encode() + body, "sha256").hex()
    headers = {"acme-time": sent_at, "acme-signature": signature}
    if reason is None:
        event = provider.event(body, headers)
        assert (event.reference, event.payment_id, event.is_live) == ("p1", "o1", True)
        assert event.data == {"status": "paid", "amount": 1, "currency": "EUR"}
        return
    with pytest.raises(InvalidSignature, match=reason):
        provider.event(body, headers)
    with pytest.raises(InvalidSignature):
        provider.event(body, {})


def test_the_guide_names_files_and_places_that_exist() -> None:
    root = Path(tradepost.__file__).parent.parent.parent
    for path in re.findall(r"`((?:src|tests)/[\w/.-]+|\.env\.example)`", GUIDE):
        assert path.endswith("acme.py") or (root / path).is_file(), path
    assert "stripe" in METHODS
    assert "stripe_secret_key" in SECRETS
    assert "can_charge" in inspect.getsource(vars(bootstrap)["_provide_payments"])
