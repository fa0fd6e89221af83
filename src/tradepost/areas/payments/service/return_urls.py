"""Checks where a payer is sent back to: only to the shop's own storefront."""

from urllib.parse import urlsplit

from tradepost.kit.problems import Validation
from tradepost.kit.writes.call_context import CallContext

from .settings import PaymentSettings


def check_return_url(context: CallContext, url: str | None) -> None:
    """Raise Validation unless the URL is of the storefront, and encrypted outside of development.

    Otherwise a link to our payment could lead to anybody's page.
    """
    if url is None:
        return
    settings, parts = context.dependencies.require(PaymentSettings), urlsplit(url)
    if origin_of(url) not in settings.return_origins:
        detail = "Its origin is neither that of STOREFRONT_URL nor one of CORS_ORIGINS."
        raise Validation.at_pointer("/return_url", detail, "not_allowed")
    if parts.scheme != "https" and not settings.allows_http:
        raise Validation.at_pointer("/return_url", "Use `https`.", "not_allowed")


def origin_of(url: str) -> str:
    """Return the origin of a URL: scheme, host and port (RFC 6454)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
