"""The budget at the door: whose bucket a request drains, and the headers that tell how it stands.

The doors drain the price of what they run; what they do not come to, pages and refusals among it, pays 1 as its answer begins.
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
SPARED = "/health/"
"""What begins so is never refused: whoever restarts us must not take an empty bucket for a dead process."""


def meter_for(limits: RateLimits, caller: Caller | None, scope: Scope) -> Meter:
    """The meter of a request: the bucket is the known caller's, and besides that of a key with a limit of its own, else that of the address that
    it came from."""
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
    """The bucket of whoever calls from an address."""
    client = scope.get("client")
    return client_key(client[0] if client else ""), limits.sizes.get(ANONYMOUS_ROLE, limits.default_size)


async def settle(meter: Meter, status: int, scope: Scope, late: bool) -> QuotaExceeded | None:
    """Ends the account of an answer that begins now; what nobody has drained yet pays 1. Gives the problem of a bucket that is empty."""
    refused = None
    if not meter.touched:
        try:
            await meter.drain(1)
        except QuotaExceeded as problem:
            refused = None if scope["path"].startswith(SPARED) else problem
    meter.settle(net_points(meter, status, late))
    return refused


def settle_cached(limits: RateLimits, bucket: Bucket, left: float, points: int, net: int) -> Headers:
    """Ends the account of an answer whose prices are known, once its points are drained; tells how the bucket stands."""
    limits.charged_points += net
    if back := points - net:
        left = min(left + back, bucket[1])
        if limits.shared is None:
            limits.local.give(*bucket, back)
        else:
            limits.shared.give(back, bucket)
    return bucket_headers(Meter.policy, left, bucket[1])


def net_points(meter: Meter, status: int, late: bool) -> int:
    """What a request pays in the end, without what compiling costs: 1 where it was refused or has the answer already, and all where it took too long
    or tried a credential.

    Where even that 1 was not to be had it is nothing.
    """
    if status < 400 and status != 304 and not late and meter.net > 0:
        return meter.net
    least = min(meter.drained, meter.price, 1)
    return max(meter.drained - meter.compile_points, least) if late or meter.credential_attempts else least


@lru_cache(1024)
def policy_headers(size: int, sizes: tuple[int, ...]) -> Headers:
    """The headers that are the same in every answer of one size of bucket; `sizes` are those of both where a key has its own."""
    policies = [
        b'"%b";q=%d;w=60;tradepost-unit="points"' % policy for policy in zip(POLICIES, sizes or (size,), strict=False)
    ]
    return [(b"ratelimit-policy", b", ".join(policies)), (b"x-ratelimit-limit", b"%d" % size)]


def budget_headers(meter: Meter) -> Headers:
    """What every answer tells of its caller's budget. Of two buckets the one that is nearer to its end is told."""
    return [
        *policy_headers(meter.size, meter.sizes),
        *bucket_headers(meter.policy, meter.remaining, meter.size),
        (b"x-request-cost", b"%d" % meter.charged),
    ]


def bucket_headers(policy: bytes, left: float, size: int) -> Headers:
    """How a bucket stands: `X-RateLimit-Reset` is the Unix time at which it is full again, `t` the seconds until then."""
    rest, seconds = int(left) if left > 0 else 0, seconds_until_full(size, left)
    return [
        (b"ratelimit", b'"%b";r=%d;t=%d' % (policy, rest, seconds)),
        (b"x-ratelimit-remaining", b"%d" % rest),
        (b"x-ratelimit-reset", b"%d" % (int(time()) + 1 + seconds)),
    ]
