"""Callers who pay, capture, void and refund at one API."""

from typing import Any
from uuid import uuid4

import httpx

from tests.reliability.shoppers import CANCEL, Json, Outcome, Shopper, camel
from tests.simulator import PUBLISHABLE_KEY, SimulatorServer

CHOICE = {"provider": "stripe"}
MEMBERS = "id status captured { amount } nextAction { type clientSecret }"
CREATE = (
    "mutation($id: ID!, $input: PaymentInput!, $key: String!) "
    f"{{ paymentCreate(orderId: $id, input: $input) @idempotent(key: $key) {{ {MEMBERS} }} }}"
)
COMPLETE = f"mutation($id: ID!) {{ paymentComplete(id: $id) {{ {MEMBERS} }} }}"
VOID = "mutation($id: ID!, $key: String!) { paymentVoid(id: $id) @idempotent(key: $key) { id status } }"
CAPTURE = (
    "mutation($id: ID!, $input: PaymentCaptureInput!, $key: String!) "
    "{ paymentCapture(id: $id, input: $input) @idempotent(key: $key) { id status } }"
)
REFUND = (
    "mutation($id: ID!, $input: RefundInput!, $key: String!) "
    "{ refundCreate(paymentId: $id, input: $input) @idempotent(key: $key) { id status } }"
)


class Payer(Shopper):
    """A guest with the secret of a cart, or the staff, at one API.

    A refusal for the time being is repeated under the same key.
    """

    repeats = 20

    async def pay(self, order_id: str, key: str | None = None) -> Outcome:
        """Create a payment of an order."""
        return await self._write(f"/v1/orders/{order_id}/payments", CREATE, {"id": order_id}, CHOICE, key)

    async def complete(self, payment_id: str) -> Outcome:
        """Update a payment from its provider."""
        if self.door == "rest":
            return await self.rest("POST", f"/v1/payments/{payment_id}/completion")
        return await self.graphql(COMPLETE, {"id": payment_id})

    async def capture_amount(self, payment_id: str, body: Json, key: str | None = None) -> Outcome:
        """Capture an authorized payment."""
        return await self._write(f"/v1/payments/{payment_id}/capture", CAPTURE, {"id": payment_id}, body, key)

    async def void(self, payment_id: str, key: str | None = None) -> Outcome:
        """Void a payment."""
        return await self._write(f"/v1/payments/{payment_id}/void", VOID, {"id": payment_id}, None, key)

    async def refund(self, payment_id: str, body: Json, key: str | None = None) -> Outcome:
        """Refund a payment."""
        return await self._write(f"/v1/payments/{payment_id}/refunds", REFUND, {"id": payment_id}, body, key)

    async def cancel(self, order_id: str, body: Json) -> Outcome:
        """Cancel an order, or units of it."""
        return await self._write(f"/v1/orders/{order_id}/cancellation", CANCEL, {"id": order_id}, body, None)

    async def _write(self, path: str, document: str, ids: Json, body: Json | None, key: str | None) -> Outcome:
        key, variables = key or str(uuid4()), ids if body is None else ids | {"input": camel(body)}
        for _ in range(self.repeats):
            if self.door == "rest":
                outcome = await self.rest("POST", path, body, key=key)
            else:
                outcome = await self.graphql(document, variables | {"key": key})
            if not outcome.is_repeatable:
                break
        return outcome


def secret_of(payment: Json) -> str | None:
    """Return the client secret in the answer of either API; None if the provider was silent."""
    action = payment.get("next_action") or payment.get("nextAction") or {}
    return action.get("client_secret") or action.get("clientSecret")


def reference_of(secret: str) -> str:
    """Return the provider's id of a payment, with which its client secret begins."""
    return secret.partition("_secret_")[0]


class Browser:
    """The payer's browser at the provider."""

    def __init__(self, client: httpx.AsyncClient, simulator: SimulatorServer) -> None:
        self.client, self.simulator = client, simulator

    async def confirm(self, secret: str, card: str = "pm_card_visa") -> Any:
        """Confirm a payment with a test card, and return the payment intent or the error."""
        form = {"client_secret": secret, "payment_method": card, "return_url": "https://shop.example/paid"}
        url = f"{self.simulator.url}/v1/payment_intents/{reference_of(secret)}/confirm"
        headers = {"Authorization": f"Bearer {PUBLISHABLE_KEY}"}
        return (await self.client.post(url, data=form, headers=headers)).json()
