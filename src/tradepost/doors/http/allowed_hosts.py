"""The Host header: which host names are served (ALLOWED_HOSTS)."""

from functools import lru_cache

from tradepost.kit.cache_registry import FunctionCache
from tradepost.kit.problems import InvalidParameter

from .asgi import Scope, request_headers

MAX_HOST_LENGTH = 300
"""Characters of the longest host name (253) with its port, rounded up. Longer ones are refused."""


class AllowedHosts:
    """The host names that are served.

    `*.example.com` allows all subdomains of example.com. An empty list or `*` allows any host.
    """

    def __init__(self, allowed: tuple[str, ...]) -> None:
        names = {name.lower().encode() for name in allowed}
        self.allows_any = not names or b"*" in names
        self.exact = frozenset(name for name in names if not name.startswith(b"*."))
        self.suffixes = tuple(name[1:] for name in names if name.startswith(b"*."))
        self.cached = lru_cache(256)(self._allows)
        self.cache = FunctionCache("hosts", self.cached, 2 * MAX_HOST_LENGTH)

    def allows(self, host: bytes) -> bool:
        """Return whether a host is served."""
        return len(host) <= MAX_HOST_LENGTH and self.cached(host)

    def _allows(self, host: bytes) -> bool:
        name = host_name(host)
        return name in self.exact or name.endswith(self.suffixes)

    def check(self, scope: Scope) -> None:
        """Raise InvalidParameter if the host is not allowed.

        Health checks are exempt: orchestrators send them to an IP address.
        """
        host = request_headers(scope).get(b"host", b"")
        if not self.allows_any and not self.allows(host) and not scope["path"].startswith("/health/"):
            raise InvalidParameter(f"The host `{host[:100].decode('latin-1')}` is not allowed.", parameter="Host")


def host_name(host: bytes) -> bytes:
    """Return the host without its port, in lower case."""
    if host.startswith(b"["):
        return host.partition(b"]")[0].lower() + b"]"
    return host.partition(b":")[0].lower().rstrip(b".")
