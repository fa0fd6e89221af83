"""`Idempotency-Key`: https://docs.stripe.com/api/idempotent_requests."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from .errors import ApiError
from .store import Transaction

KEEP_SECONDS = 24 * 3600
CLAIM_SECONDS = 120
"""After so long, the claim of a process that was killed no longer counts."""
MAX_LENGTH = 255


@dataclass(frozen=True)
class StoredAnswer:
    """The answer of an earlier request with the key."""

    status: int
    body: dict[str, Any]
    request_id: str


def fingerprint(parameters: dict[str, Any]) -> str:
    """Return a digest of the parameters of a request."""
    return sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()


def claim(tx: Transaction, key: str, path: str, digest: str, request_id: str) -> StoredAnswer | None:
    """Claim a key for a request, or return the stored answer, or raise ApiError."""
    if len(key) > MAX_LENGTH:
        message = f"Idempotency keys can be up to {MAX_LENGTH} characters."
        raise ApiError(message, type="idempotency_error", is_stored=False)
    tx.execute("DELETE FROM idempotency WHERE created < ?", tx.now - KEEP_SECONDS)
    row = tx.execute("SELECT * FROM idempotency WHERE key = ?", key).fetchone()
    if row is not None:
        _check_same(key, path, digest, *row[1:3])
        _, _, _, first_request, claimed_until, status, body, _ = row
        if status is not None:
            return StoredAnswer(status, json.loads(body), first_request)
        if claimed_until > tx.now:
            raise _in_use(key)
    values = (key, path, digest, request_id, tx.now + CLAIM_SECONDS, tx.now)
    columns = "key, path, fingerprint, request_id, claimed_until, created"
    tx.execute(f"INSERT OR REPLACE INTO idempotency ({columns}) VALUES (?, ?, ?, ?, ?, ?)", *values)
    return None


def check_claim(tx: Transaction, key: str, request_id: str) -> None:
    """Raise ApiError if another request has taken the claim, because this one took too long."""
    row = tx.execute("SELECT request_id FROM idempotency WHERE key = ?", key).fetchone()
    if row is None or row[0] != request_id:
        raise _in_use(key)


def complete(tx: Transaction, key: str, status: int, body: dict[str, Any]) -> None:
    """Store the answer, in the transaction of the effect."""
    tx.execute("UPDATE idempotency SET status = ?, body = ? WHERE key = ?", status, json.dumps(body), key)


def release(tx: Transaction, key: str, request_id: str) -> None:
    """Give the key back: the request did not reach its endpoint."""
    tx.execute("DELETE FROM idempotency WHERE key = ? AND request_id = ? AND status IS NULL", key, request_id)


def _check_same(key: str, path: str, digest: str, first_path: str, first_digest: str) -> None:
    other = f"Try using a key other than '{key}' if you meant to execute a different request."
    if path != first_path:
        message = (
            "Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{path}' vs '{first_path}'). {other}"
        )
        raise ApiError(message, type="idempotency_error", is_stored=False)
    if digest != first_digest:
        message = "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        raise ApiError(message + other, type="idempotency_error", is_stored=False)


def _in_use(key: str) -> ApiError:
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        f"twice, and the other request is still going through): {key}. Please try again later."
    )
    return ApiError(message, status=409, type="idempotency_error", code="idempotency_key_in_use", is_stored=False)
