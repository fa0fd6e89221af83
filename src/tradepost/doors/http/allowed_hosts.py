"""Allowed hosts."""

from functools import lru_cache

from tradepost.kit.problems import InvalidParameter

from .asgi import Scope, request_headers


class AllowedHosts:
    """The names by which the shop may be called; `*.example.com` stands for every name below, an empty list for any name at all."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        names = {name.lower().encode() for name in allowed}
        self.allows_any = not names or b"*" in names
        self.exact = frozenset(name for name in names if not name.startswith(b"*."))
        self.below = tuple(name[1:] for name in names if name.startswith(b"*."))
        self.allows = lru_cache(256)(self._knows)

    def _knows(self, host: bytes) -> bool:
        name = host_name(host)
        return name in self.exact or name.endswith(self.below)

    def check(self, scope: Scope) -> None:
        """Refuses a request that names another host; health checks by address are let through."""
        host = request_headers(scope).get(b"host", b"")
        if not self.allows_any and not self.allows(host) and not scope["path"].startswith("/health/"):
            raise InvalidParameter(f"The host `{host[:100].decode('latin-1')}` is not served here.", parameter="Host")


def host_name(host: bytes) -> bytes:
    """A host without its port, in lower case."""
    if host.startswith(b"["):
        return host.partition(b"]")[0].lower() + b"]"
    return host.partition(b":")[0].lower().rstrip(b".")
