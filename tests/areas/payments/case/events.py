"""Webhooks of payment providers, described to the general tests."""

import time

import stripe

from tests.factories import unique
from tests.parity.access.table import PUBLIC
from tests.parity.case import ResultCase, Webhook, WriteCase
from tests.servers import SECRET_KEY
from tradepost.fake_provider import FakeKeys


def webhook_of_fake() -> Webhook:
    """Return a webhook of the provider `fake` about a payment that is not ours."""
    body = f'{{"id": "{unique("evt")}", "type": "x", "created": 1, "livemode": false, "data": {{"object": {{}}}}}}'
    secret = FakeKeys.derive(SECRET_KEY).webhook
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, int(time.time()))
    return Webhook("fake", body.encode(), {"stripe-signature": signature, "content-type": "application/json"})


PROVIDER_EVENT_RECEIPT = ResultCase(
    name="ProviderEventReceipt",
    answer="outcome",
    writes=(
        # The sender is identified by its signature, and REST alone has the URL.
        WriteCase(
            "provider_event",
            PUBLIC,
            idempotent=False,
            leaves_traces=False,
            role="anonymous",
            path="/providers/{0}/events",
            webhook=webhook_of_fake,
        ),
    ),
)
