"""The provider `fake` of the default profile: the payment simulator, called in this process.

Nothing of it is imported before the first payment: httpx alone takes 21 MB. Several processes (the
server's and `tradepost worker`) share the simulator's file.
"""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tradepost.areas.payments.providers.stripe import StripeAccount, StripeProvider
from tradepost.kit.crypto import derive_key
from tradepost.settings import Settings

if TYPE_CHECKING:
    import httpx

    from tradepost.payment_simulator import Simulator

BASE_PATH = "/fake-provider"
STORE = Path("var/payment_simulator.db")


class FakeKeys(msgspec.Struct, frozen=True):
    """The keys between shop and simulator. They follow from SECRET_KEY, so all processes agree."""

    secret: str
    publishable: str
    webhook: str

    @classmethod
    def derive(cls, secret_key: str) -> "FakeKeys":
        """Return the keys of a shop."""
        digest = derive_key(secret_key, "fake provider").hex()
        return cls(f"sk_test_{digest[:24]}", f"pk_test_{digest[24:40]}", f"whsec_{digest[40:]}")


class FakeProviderApp:
    """The simulator as an ASGI app that is made at its first request.

    shop: the app that gets webhooks; None: they go to PUBLIC_URL over TCP, from a process that has
        no app.
    """

    def __init__(self, settings: Settings, keys: FakeKeys, store: Path = STORE) -> None:
        self.public_url, self.keys, self.store = settings.public_url, keys, store
        self.shop: Any = None
        self._simulator: Simulator | None = None
        self._stack = AsyncExitStack()

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request."""
        # The path of a payment page holds the client secret, which must not be logged.
        scope["original_path"] = BASE_PATH
        await (await self.simulator())(scope, receive, send)

    async def simulator(self) -> "Simulator":
        """Return the simulator. It delivers webhooks until `stop`."""
        if self._simulator is None:
            from tradepost.payment_simulator import WebhookEndpoint, create_simulator

            self.store.parent.mkdir(parents=True, exist_ok=True)
            self._simulator = create_simulator(
                self.store,
                secret_key=self.keys.secret,
                publishable_key=self.keys.publishable,
                webhooks=[WebhookEndpoint(f"{self.public_url}/v1/providers/fake/events", self.keys.webhook)],
                base_path=BASE_PATH,
                public_url=f"{self.public_url}{BASE_PATH}",
                transport=_transport(self.shop) if self.shop is not None else None,
            )
            await self._stack.enter_async_context(self._simulator.lifespan())
        return self._simulator

    async def stop(self) -> None:
        """Stop delivering webhooks and close the file."""
        self._simulator = None
        await self._stack.aclose()


def fake_provider(app: FakeProviderApp) -> StripeProvider:
    """Return the provider, whose calls go to the simulator without a network."""
    account = StripeAccount(
        secret_key=app.keys.secret,
        webhook_secrets=(app.keys.webhook,),
        shop=app.public_url,
        api_url=f"{app.public_url}{BASE_PATH}",
        payment_page=f"{app.public_url}{BASE_PATH}/pay",
        create_transport=lambda: _transport(app.serve),
    )
    return StripeProvider(account, "fake")


def _transport(app: Any) -> "httpx.AsyncBaseTransport":
    """Return a transport of httpx that calls an ASGI app."""
    import httpx

    return httpx.ASGITransport(app=app)
