"""Delivers events to the endpoints, signed, and again with back-off until they are accepted.

The queue is in the store. Each process that runs a simulator takes deliveries from it; a delivery
that a process took and did not finish is taken again when its lease ends.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx

from . import confirmation, disputes, payment_intents, refunds
from .engine import Engine
from .errors import ApiError
from .ledger import Ledger

LOGGER = logging.getLogger(__name__)
TIMEOUT, LEASE = 10.0, 30.0
MAX_ATTEMPTS, MAX_WAIT = 16, 3600.0
POLL_SECONDS = 1.0
ACTIONS = {
    "settle": confirmation.settle,
    "lapse": payment_intents.lapse,
    "settle_refund": refunds.settle,
    "fail_refund": refunds.fail,
    "dispute": disputes.open_dispute,
}
NEXT_DELIVERY = """
    SELECT d.id, d.url, d.attempt, o.data FROM delivery d JOIN object o ON o.id = d.event
    WHERE d.state = 'pending' AND d.due <= ? AND d.url IN (SELECT value FROM json_each(?)) AND (NOT d.is_reversed
        OR d.id = (SELECT max(id) FROM delivery WHERE state = 'pending' AND is_reversed))
    ORDER BY d.id LIMIT 1"""
NEXT_DUE = """
    SELECT min(due) FROM (SELECT due FROM timer UNION ALL
        SELECT due FROM delivery WHERE state = 'pending' AND url IN (SELECT value FROM json_each(?)))"""


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver an event."""

    id: int
    url: str
    attempt: int
    event: dict[str, Any]


def signature(payload: bytes, secret: str, timestamp: int) -> str:
    """Return the header `Stripe-Signature` of a payload."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + payload, sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def run_timers(tx: Ledger, due: float, actions: Collection[str] = tuple(ACTIONS)) -> int:
    """Carry out what is scheduled until then, and return how much that was."""
    timers = tx.execute("SELECT id, action, object FROM timer WHERE due <= ? ORDER BY due", due).fetchall()
    chosen = [timer for timer in timers if timer[1] in actions]
    for number, action, object_id in chosen:
        tx.execute("DELETE FROM timer WHERE id = ?", number)
        with suppress(ApiError):  # what was planned is no longer possible, as after a refund at the dashboard
            ACTIONS[action](tx, object_id)
    return len(chosen)


class Deliveries:
    """The background task of a process."""

    def __init__(self, engine: Engine, *, retry_seconds: float, transport: httpx.AsyncBaseTransport | None) -> None:
        self.engine, self.retry_seconds, self.transport = engine, retry_seconds, transport
        self.secrets = {endpoint.url: endpoint.secret for endpoint in engine.options.endpoints}
        # Another process of the store may know other endpoints.
        self.urls = json.dumps(list(self.secrets))

    async def run(self) -> None:
        """Deliver and carry out what is due, for ever."""
        async with httpx.AsyncClient(timeout=TIMEOUT, transport=self.transport, trust_env=False) as client:
            while True:
                try:
                    await self._run_due(client)
                except Exception:
                    LOGGER.exception("The payment simulator could not deliver events")
                await self._wait()

    async def _run_due(self, client: httpx.AsyncClient) -> None:
        while await self._seconds_until_due() <= 0:
            await self.engine.change(lambda tx: run_timers(tx, tx.now))
            delivery = await self.engine.change(self._claim)
            if delivery is None:
                return
            await self._attempt(client, delivery)

    async def _wait(self) -> None:
        seconds = min(POLL_SECONDS, max(0.01, await self._seconds_until_due()))
        self.engine.changed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.engine.changed.wait(), seconds)

    async def _seconds_until_due(self) -> float:
        ((due,),) = await self.engine.read(NEXT_DUE, self.urls)
        return POLL_SECONDS if due is None else due - self.engine.store.clock()

    def _claim(self, tx: Ledger) -> Delivery | None:
        row = tx.execute(NEXT_DELIVERY, tx.now, self.urls).fetchone()
        if row is None:
            return None
        number, url, attempt, data = row
        tx.execute("UPDATE delivery SET due = ?, attempt = ? WHERE id = ?", tx.now + LEASE, attempt + 1, number)
        return Delivery(number, url, attempt + 1, json.loads(data))

    async def _attempt(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        payload = json.dumps(delivery.event, indent=2).encode()
        header = signature(payload, self.secrets[delivery.url], int(self.engine.store.clock()))
        headers = {"content-type": "application/json; charset=utf-8", "stripe-signature": header}
        try:
            async with asyncio.timeout(TIMEOUT):  # httpx has none for an app in the same process
                response = await client.post(delivery.url, content=payload, headers=headers)
            answer, is_accepted = str(response.status_code), response.is_success
        except Exception as error:  # of the connection, or of an app in the same process
            answer, is_accepted = type(error).__name__, False
        await self.engine.change(lambda tx: self._note(tx, delivery, answer, is_accepted=is_accepted))

    def _note(self, tx: Ledger, delivery: Delivery, answer: str, *, is_accepted: bool) -> None:
        is_over = is_accepted or delivery.attempt >= MAX_ATTEMPTS
        state = "delivered" if is_accepted else "failed" if is_over else "pending"
        wait = min(MAX_WAIT, self.retry_seconds * 2 ** (delivery.attempt - 1))
        tx.execute(
            "UPDATE delivery SET state = ?, answer = ?, due = ?, is_reversed = 0 WHERE id = ?",
            state,
            answer,
            tx.now + wait,
            delivery.id,
        )
