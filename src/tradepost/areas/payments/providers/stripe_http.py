"""Stripe's HTTP client over httpx, and its errors as ours.

Import it only when Stripe is called: `stripe` and httpx take 30 MB and 0.3 s, which processes that
never take a payment do not pay for.
"""

import asyncio
import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Never

import httpx
import stripe
from msgspec import ValidationError

from .provider import ProviderRefused, ProviderUnavailable

LOG = logging.getLogger("tradepost.payments")
stripe.enable_telemetry = False  # it would send the kernel's name, and write a file to ~/.config
logging.getLogger("stripe").setLevel(logging.WARNING)  # below, it logs whole answers with client secrets


class StripeHttpClient(stripe.HTTPClient):
    """Sends the requests of the library, each within `timeout` seconds.

    create_transport: makes the transport of httpx, such as one that calls an ASGI app; None: TCP.
    """

    name = "httpx"

    def __init__(self, timeout: float, create_transport: Callable[[], httpx.AsyncBaseTransport] | None) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType] - `_lib` has no type
        transport = create_transport() if create_transport is not None else None
        # Proxies of the environment are for TCP.
        self._client = httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=transport is None)
        self._timeout = timeout

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send a request. Raise APIConnectionError if there is no answer in time."""
        try:
            # httpx limits each read; the whole answer must come within the time.
            async with asyncio.timeout(self._timeout):
                answer = await self._client.request(method, url, headers=headers, content=post_data)
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise stripe.APIConnectionError(f"no answer: {type(error).__name__}") from error
        return answer.content, answer.status_code, answer.headers

    async def close_async(self) -> None:
        """Close the connections."""
        await self._client.aclose()


@contextmanager
def provider_errors(provider: str) -> Generator[None]:
    """Turn errors of the library into ProviderRefused and ProviderUnavailable."""
    try:
        yield
    except (stripe.StripeError, ValidationError, ValueError) as error:
        _raise(provider, error)


def _raise(provider: str, error: Exception) -> Never:
    """Raise what an error means.

    Refused: Stripe has read the request and says no. Everything else, also a missing key or a
    repeated idempotency key with other parameters, leaves open what an earlier call has done.
    """
    if isinstance(error, (stripe.InvalidRequestError, stripe.CardError)) and error.code != "lock_timeout":
        raise ProviderRefused(str(error.code or "invalid_request"), error.user_message or "") from None
    if isinstance(error, (stripe.AuthenticationError, stripe.PermissionError)):
        LOG.error("`%s` refuses the secret key: check STRIPE_SECRET_KEY and its permissions", provider)
    elif not isinstance(error, (stripe.APIConnectionError, stripe.APIError, stripe.RateLimitError)):
        LOG.error("`%s`: %s", provider, error)
    # No cause: its text may hold an answer of Stripe, and so a client secret.
    raise ProviderUnavailable(f"{provider}: {type(error).__name__}") from None
