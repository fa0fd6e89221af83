"""The client's address behind a proxy. X-Forwarded-* is used only if the proxy is trusted."""

import logging
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from time import monotonic

from tradepost.kit.cache_registry import FunctionCache, registered_cache

from .asgi import Scope, request_headers

LOG = logging.getLogger("tradepost.http")

FORWARDED_FOR = b"x-forwarded-for"
WARNING_INTERVAL = 3600.0
"""Seconds between two warnings that X-Forwarded-For is ignored."""
PROXY_HEADERS = frozenset(
    {b"forwarded", FORWARDED_FOR, b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip", b"via"}
)


MAX_ADDRESS_LENGTH = 64
"""Characters of the longest address. The zone of an IPv6 address could make it longer."""
ADDRESS_BYTES = 400
"""Bytes that a cached address takes."""


class TrustedProxies:
    """The addresses and networks of trusted proxies (TRUSTED_PROXIES)."""

    def __init__(self, trusted: tuple[str, ...]) -> None:
        self.networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(network, strict=False) for network in trusted
        )
        self.trusts = lru_cache(1024)(self._trusts)
        self.cache = FunctionCache("proxies", self.trusts, ADDRESS_BYTES)
        self.warned_at = float("-inf")

    def _trusts(self, address: str) -> bool:
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self.networks if network.version == ip.version)

    def resolve(self, scope: Scope) -> None:
        """Set the real client and scheme in the scope, if the peer is a trusted proxy."""
        peer = scope.get("client")
        if not self.networks or not peer:
            return
        headers = request_headers(scope)
        if not self.trusts(peer[0]):
            if FORWARDED_FOR in headers:
                self.warn(scope)
            return
        scheme = headers.get(b"x-forwarded-proto", b"").rpartition(b",")[2].strip().lower()
        if scheme in (b"http", b"https"):
            scope["scheme"] = scheme.decode()
        # From the nearest hop to the farthest: the first untrusted address is the client. The
        # addresses before it were sent by the client and can be forged.
        for hop in reversed(headers.get(FORWARDED_FOR, b"").decode("latin-1").split(",")):
            address = _address(hop)
            if address is None:
                return
            scope["client"] = (address, 0)
            if not self.trusts(address):
                return

    def warn(self, scope: Scope) -> None:
        """Log that the X-Forwarded-For of this peer is ignored: at most once an hour."""
        now = monotonic()
        if now - self.warned_at < WARNING_INTERVAL:
            return
        self.warned_at = now
        peer = scope.get("client")
        LOG.warning(
            "X-Forwarded-For from %s is ignored. If this is your proxy, name it in TRUSTED_PROXIES: until then all "
            "of its clients share one rate limit",
            peer[0] if peer else "a peer without an address",
        )


def _address(hop: str) -> str | None:
    """Return a hop's address without port and brackets, or None if it is not an IP address."""
    text = hop.strip()
    if len(text) > MAX_ADDRESS_LENGTH:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _came_through_proxy(scope: Scope) -> bool:
    """Whether the request has a header that proxies add, trusted or not."""
    return not PROXY_HEADERS.isdisjoint(request_headers(scope))


def is_from_loopback(scope: Scope) -> bool:
    """Whether the request comes from this machine, and not through any proxy."""
    client = scope.get("client")
    if not client or _came_through_proxy(scope):
        return False
    return _is_loopback(client[0])


@registered_cache("loopback_addresses", ADDRESS_BYTES)
@lru_cache(256)
def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
