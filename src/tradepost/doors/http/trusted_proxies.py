"""The client behind a proxy. What a proxy says is believed only where the proxy's own address is trusted."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from .asgi import Scope, request_headers

MARKS = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip", b"via"})


class TrustedProxies:
    """Addresses and networks whose word about the client counts."""

    def __init__(self, trusted: tuple[str, ...]) -> None:
        self.networks: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(each, strict=False) for each in trusted)
        self.trusts = lru_cache(1024)(self._trusts)

    def _trusts(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.networks if network.version == found.version)

    def resolve(self, scope: Scope) -> None:
        """Puts the real client and scheme into the scope, where a trusted proxy names them."""
        peer = scope.get("client")
        if not self.networks or not peer or not self.trusts(peer[0]):
            return
        asked = request_headers(scope)
        scheme = asked.get(b"x-forwarded-proto", b"").rpartition(b",")[2].strip().lower()
        if scheme in (b"http", b"https"):
            scope["scheme"] = scheme.decode()
        # From the nearest to the farthest: the first hop that is no proxy of ours is the client; what stands before it is hearsay.
        for hop in reversed(asked.get(b"x-forwarded-for", b"").decode("latin-1").split(",")):
            address = _address(hop)
            if address is None:
                return
            scope["client"] = (address, 0)
            if not self.trusts(address):
                return


def _address(hop: str) -> str | None:
    """A hop's address without port and brackets, or None where it is no address."""
    text = hop.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def came_by_proxy(scope: Scope) -> bool:
    """Whether the request carries the mark of any proxy, trusted or not."""
    return not MARKS.isdisjoint(request_headers(scope))


def is_from_loopback(scope: Scope) -> bool:
    """Whether the request comes straight from this machine; what a proxy passed on does not, wherever the proxy stands."""
    client = scope.get("client")
    if not client or came_by_proxy(scope):
        return False
    return _is_loopback(client[0])


@lru_cache(256)
def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
