"""Who may see how the shop is doing inside: the details of `/health/ready`, and whatever else is for operators."""

from ..http.asgi import Scope
from ..http.trusted_proxies import from_loopback


def operates(scope: Scope, ops_loopback: bool) -> bool:
    """Whether the caller holds `ops:read`, or (where the setting OPS_LOOPBACK is on) calls straight from this machine."""
    return scope["context"].caller.may("ops:read") or (ops_loopback and from_loopback(scope))
