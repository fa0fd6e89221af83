"""The rate limit headers of a response, and a response without them."""

import httpx

VOLATILE_HEADERS = frozenset(
    {
        "ratelimit",
        "ratelimit-policy",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-request-cost",
        "content-length",
    }
)
"""Headers that differ between two equal requests.

The first use of a plan costs more, and a GraphQL body contains the cost, so its length differs too.
"""


def stable_headers(answer: httpx.Response) -> list[tuple[str, str]]:
    """Return the headers of a response without the volatile ones, sorted."""
    return sorted([(name, value) for name, value in answer.headers.multi_items() if name not in VOLATILE_HEADERS])


def request_cost(answer: httpx.Response) -> int:
    """Return the points that a request cost."""
    return int(answer.headers["x-request-cost"])


def remaining_points(answer: httpx.Response) -> int:
    """Return the points that were left after a request."""
    return int(answer.headers["x-ratelimit-remaining"])
