"""What tests know of the budget: which headers tell it, and answers without them."""

import httpx

MOVING = frozenset(
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
"""Headers that differ between two equal requests: what is left, what the plan's first use has cost, and the length of a body that tells it."""


def steady(answer: httpx.Response) -> list[tuple[str, str]]:
    """The headers of an answer that do not tell the budget."""
    return sorted([(name, value) for name, value in answer.headers.multi_items() if name not in MOVING])


def spent(answer: httpx.Response) -> int:
    """What a request has cost."""
    return int(answer.headers["x-request-cost"])


def left(answer: httpx.Response) -> int:
    """What was left after it."""
    return int(answer.headers["x-ratelimit-remaining"])
