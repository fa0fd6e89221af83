"""A payment provider for tests and demos: the parts of Stripe's API that Tradepost uses.

Tests run it as a server of its own and point the official `stripe` library at it. In the default
profile it is the provider `fake`, mounted at `/fake-provider`: a newcomer pays with a test card
number on its payment page. It is written from Stripe's public OpenAPI description and guides.

The packages of Tradepost do not know it: they speak to it as they speak to Stripe.
"""

from .app import Simulator, create_simulator
from .ledger import WebhookEndpoint

__all__ = ["Simulator", "WebhookEndpoint", "create_simulator"]
