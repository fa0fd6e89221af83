"""Access to operational details: `/metrics`, `/parity` and the details of `/health/ready`."""

from ..http.asgi import Scope
from ..http.trusted_proxies import is_from_loopback


def is_operator(scope: Scope, ops_loopback: bool) -> bool:
    """Whether the caller has `ops:read`, or OPS_LOOPBACK is on and it calls from this machine."""
    return scope["context"].caller.has_permission("ops:read") or (ops_loopback and is_from_loopback(scope))
