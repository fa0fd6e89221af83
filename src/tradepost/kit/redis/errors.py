"""Why Redis cannot be used, in words for the operator."""

import os
import ssl
from typing import Any

import hiredis

CLUSTER = "is a cluster, which is not supported; REDIS_URL must name a Redis that is not part of one"
REASONS_BY_CODE = {
    "NOAUTH": "requires a password; add it to REDIS_URL",
    "WRONGPASS": "refuses the user or the password in REDIS_URL",
    "NOPERM": "does not allow a command to the user in REDIS_URL; allow it in the user's ACL",
    "READONLY": "is a read-only replica; REDIS_URL must name the primary",
    "CROSSSLOT": CLUSTER,
    "MOVED": CLUSTER,
    "CLUSTERDOWN": CLUSTER,
}
"""The predicate of a sentence about Redis, by the code of an error reply."""


class RedisUnavailable(Exception):
    """Redis cannot be used. The message is the predicate of a sentence about it.

    code: the code of the error reply by which Redis refused a command, else None.
    """

    def __init__(self, reason: str, code: str | None = None) -> None:
        super().__init__(reason)
        self.code = code

    @property
    def is_cluster(self) -> bool:
        """Whether the reason is that Redis is a cluster."""
        return self.code is not None and REASONS_BY_CODE.get(self.code) is CLUSTER


def refusal(reply: hiredis.ReplyError) -> RedisUnavailable:
    """Return the error for an error reply."""
    code = str(reply).partition(" ")[0]
    return RedisUnavailable(REASONS_BY_CODE.get(code, f"replied {reply}"), code)


def unreachable(error: Exception) -> RedisUnavailable:
    """Return the error for a failed attempt to connect."""
    if isinstance(error, TimeoutError):
        return RedisUnavailable("did not answer in time")
    if isinstance(error, ssl.SSLCertVerificationError):
        return RedisUnavailable(f"has a TLS certificate that is not accepted ({error.verify_message})")
    number = error.errno if isinstance(error, OSError) else None
    return RedisUnavailable(f"could not be reached ({os.strerror(number) if number else type(error).__name__})")


def checked(reply: Any, close_reason: str) -> Any:
    """Return a reply. Raise RedisUnavailable if it is an error or, because of a loss, None."""
    if reply is None:
        raise RedisUnavailable(close_reason)
    if isinstance(reply, hiredis.ReplyError):
        raise refusal(reply)
    return reply
