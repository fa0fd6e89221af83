"""Who may see how the shop is doing inside: the details of `/health/ready`, and whatever else is for operators."""

from ..http.asgi import Scope
from ..http.trusted_proxies import is_from_loopback


def is_operator(scope: Scope, ops_loopback: bool) -> bool:
    """Whether the caller holds `ops:read`, or (where the setting OPS_LOOPBACK is on) calls straight from this machine."""
    return scope["context"].caller.may("ops:read") or (ops_loopback and is_from_loopback(scope))
