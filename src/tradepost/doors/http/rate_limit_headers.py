"""Rate limits at HTTP: which bucket a request is charged to, and the RateLimit headers.

Operations are charged by the two APIs. Everything else (pages, early errors) is charged 1 point
when its response starts.
"""

from functools import lru_cache
from time import time

from tradepost.kit.auth.caller import Caller
from tradepost.kit.problems import QuotaExceeded
from tradepost.kit.rate_limit.buckets import Bucket, seconds_until_full
from tradepost.kit.rate_limit.client_key import client_key
from tradepost.kit.rate_limit.key_meter import POLICIES, KeyMeter
from tradepost.kit.rate_limit.meter import Meter, RateLimits

from .asgi import Headers, Scope

ANONYMOUS_ROLE = "anonymous"
EXEMPT_PREFIX = "/health/"
"""Never refused: an orchestrator would take an empty bucket for a dead process and restart it."""


def meter_for(limits: RateLimits, caller: Caller | None, scope: Scope) -> Meter:
    """Return the meter of a request.

    An authenticated caller has a bucket of its own, and an API key with its own limit a second
    one. Anonymous requests share the bucket of their client address.
    """
    if caller is not None and caller.is_authenticated:
        meter = limits.meter(f"caller:{caller.id}", caller.role)
        if caller.points_per_minute is None:
            return meter
        return KeyMeter(
            limits, (meter.key, meter.size), (f"key:{caller.api_key_id or caller.id}", max(caller.points_per_minute, 1))
        )
    key, size = anonymous_bucket(limits, scope)
    return Meter(limits, key, size)


def anonymous_bucket(limits: RateLimits, scope: Scope) -> Bucket:
    """Return the bucket of anonymous requests from this client address."""
    client = scope.get("client")
    return client_key(client[0] if client else ""), limits.sizes.get(ANONYMOUS_ROLE, limits.default_size)


async def settle(meter: Meter, status: int, scope: Scope, timed_out: bool) -> QuotaExceeded | None:
    """Settle the charge of a response that starts now; a request not charged yet pays 1 point.

    Return the problem if the bucket is empty.
    """
    problem = None
    if not meter.touched:
        try:
            await meter.drain(1)
        except QuotaExceeded as refusal:
            problem = None if scope["path"].startswith(EXEMPT_PREFIX) else refusal
    meter.settle(net_points(meter, status, timed_out))
    return problem


def settle_cached(limits: RateLimits, bucket: Bucket, remaining: float, points: int, net: int) -> Headers:
    """Settle the charge of a stored response and return the headers that describe the bucket.

    remaining: points left in the bucket after `points` were charged; all above `net` is refunded.
    """
    limits.charged_points += net
    if refund := points - net:
        remaining = min(remaining + refund, bucket[1])
        if limits.shared is None:
            limits.local.give(*bucket, refund)
        else:
            limits.shared.give(refund, bucket)
    return bucket_headers(Meter.policy, remaining, bucket[1])


def net_points(meter: Meter, status: int, timed_out: bool) -> int:
    """Return what a request costs in the end, without the points for compiling.

    A refused request and a 304 cost 1 point, or 0 if even that could not be charged. A request
    that timed out or tried a credential pays everything it was charged.
    """
    if status < 400 and status != 304 and not timed_out and meter.net > 0:
        return meter.net
    minimum = min(meter.drained, meter.price, 1)
    return max(meter.drained - meter.compile_points, minimum) if timed_out or meter.credential_attempts else minimum


@lru_cache(1024)
def policy_headers(size: int, sizes: tuple[int, ...]) -> Headers:
    """Return the headers that depend only on the sizes of the buckets.

    sizes: both sizes if the API key has its own limit, else empty.
    """
    policies = [
        b'"%b";q=%d;w=60;tradepost-unit="points"' % policy for policy in zip(POLICIES, sizes or (size,), strict=False)
    ]
    return [(b"ratelimit-policy", b", ".join(policies)), (b"x-ratelimit-limit", b"%d" % size)]


def budget_headers(meter: Meter) -> Headers:
    """Return the rate limit headers. Of two buckets they describe the one with less left."""
    return [
        *policy_headers(meter.size, meter.sizes),
        *bucket_headers(meter.policy, meter.remaining, meter.size),
        (b"x-request-cost", b"%d" % meter.charged),
    ]


def bucket_headers(policy: bytes, remaining: float, size: int) -> Headers:
    """Return the headers that describe the state of a bucket.

    `X-RateLimit-Reset` is the Unix time at which it is full again, `t` the seconds until then.
    """
    points, seconds = int(remaining) if remaining > 0 else 0, seconds_until_full(size, remaining)
    return [
        (b"ratelimit", b'"%b";r=%d;t=%d' % (policy, points, seconds)),
        (b"x-ratelimit-remaining", b"%d" % points),
        (b"x-ratelimit-reset", b"%d" % (int(time()) + 1 + seconds)),
    ]
