"""What tests can do to the simulator: faults, and steps that happen at the provider's dashboard."""

import inspect
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from . import confirmation, disputes, payment_intents, refunds
from .asgi import Answer, Request, json_answer
from .confirmation import find_intent
from .engine import Engine
from .errors import ApiError, invalid, missing
from .faults import Fault, add_fault
from .ledger import Ledger, WebhookMode
from .objects import without_private
from .parameters import Parameters
from .store import Object
from .webhooks import ACTIONS, run_timers

MODES = ("normal", "double", "delay", "reorder", "suppress")
FOR_EVER = 1e12


class Controls:
    """The controls. Over HTTP they are `POST /control/<name>` with the arguments as JSON."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def fault(self, kind: str, **arguments: Any) -> None:
        """Have a fault happen to requests: see `Fault`."""
        fault = Fault(kind, **arguments)
        await self.engine.change(lambda tx: add_fault(tx, fault))

    async def clear_faults(self) -> None:
        """End all faults."""
        await self.engine.change(lambda tx: tx.execute("DELETE FROM fault") and None)

    async def webhooks(self, kind: str, seconds: float = 0, types: Sequence[str] = ()) -> None:
        """Change how webhooks are delivered from now on: see `WebhookMode`."""
        if kind not in MODES:
            raise invalid(f"Unknown mode of webhooks: {kind}")
        mode = asdict(WebhookMode(kind, seconds, types))
        await self.engine.change(lambda tx: tx.set("webhooks", mode))

    async def resend(self, event: str) -> None:
        """Deliver an event again to all endpoints."""
        urls = [endpoint.url for endpoint in self.engine.options.endpoints]

        def work(tx: Ledger) -> None:
            item = tx.find(event, "event")
            if item is None:
                raise missing("event", event)
            tx.deliver(item, urls)

        await self.engine.change(work)

    async def forget_keys(self) -> None:
        """Forget all idempotency keys, as happens after 24 hours."""
        await self.engine.change(lambda tx: tx.execute("DELETE FROM idempotency") and None)

    async def search_lag(self, seconds: float) -> None:
        """Have search find payment intents only when they are so old."""
        await self.engine.change(lambda tx: tx.set("search_lag", seconds))

    async def capture(self, payment_intent: str, amount: int | None = None) -> Object:
        """Capture an authorised payment at the dashboard."""
        values = {} if amount is None else {"amount_to_capture": str(amount)}
        return await self._change(lambda tx: payment_intents.capture(tx, Parameters(values), payment_intent))

    async def cancel(self, payment_intent: str) -> Object:
        """Cancel a payment at the dashboard."""
        return await self._change(lambda tx: payment_intents.cancel(tx, Parameters({}), payment_intent))

    async def authenticate(self, payment_intent: str, complete: bool = True) -> Object:
        """Finish 3-D Secure as the buyer does."""

        def work(tx: Ledger) -> Object:
            return confirmation.authenticate(tx, find_intent(tx, payment_intent), is_complete=complete)

        return await self._change(work)

    async def refund(self, payment_intent: str, amount: int | None = None) -> Object:
        """Refund a payment at the dashboard."""
        values = {"payment_intent": payment_intent} | ({} if amount is None else {"amount": str(amount)})
        return await self._change(lambda tx: refunds.create(tx, Parameters(values)))

    async def fail_refund(self, refund: str, reason: str = "lost_or_stolen_card") -> Object:
        """Let a refund fail, also one that had succeeded."""
        return await self._change(lambda tx: refunds.fail(tx, refund, "failed", reason))

    async def cancel_refund(self, refund: str) -> Object:
        """Cancel a pending refund."""
        return await self._change(lambda tx: refunds.fail(tx, refund, "canceled"))

    async def dispute(
        self,
        payment_intent: str,
        amount: int | None = None,
        reason: str = "fraudulent",
        status: str = "needs_response",
    ) -> Object:
        """Dispute a payment as the buyer's bank does; `warning_needs_response` is an inquiry."""

        def work(tx: Ledger) -> Object:
            charge = find_intent(tx, payment_intent)["latest_charge"] or ""
            return disputes.open_dispute(tx, charge, amount=amount, reason=reason, status=status)

        return await self._change(work)

    async def respond_to_dispute(self, dispute: str) -> Object:
        """Submit evidence."""
        return await self._change(lambda tx: disputes.respond(tx, dispute))

    async def close_dispute(self, dispute: str, status: str) -> Object:
        """End a dispute as `won` or `lost`, an inquiry as `warning_closed`."""
        return await self._change(lambda tx: disputes.close(tx, dispute, status))

    async def settle(self) -> int:
        """Finish delayed payments, pending refunds and planned disputes now; return how many."""
        actions = set(ACTIONS) - {"lapse"}
        return await self.engine.change(lambda tx: run_timers(tx, FOR_EVER, actions))

    async def lapse(self) -> int:
        """Let all authorisations lapse that were not captured; return how many."""
        return await self.engine.change(lambda tx: run_timers(tx, FOR_EVER, {"lapse"}))

    async def deliveries(self) -> list[Object]:
        """Return the deliveries of events, the oldest first."""
        names = ("event", "type", "url", "attempt", "state", "answer")
        rows = await self.engine.read(
            "SELECT d.event, json_extract(o.data, '$.type'), d.url, d.attempt, d.state, d.answer "
            "FROM delivery d JOIN object o ON o.id = d.event ORDER BY d.id"
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def ledger(self) -> Object:
        """Return all payment intents, refunds, disputes and the balance."""
        return await self._change(_ledger)

    async def answer(self, request: Request) -> Answer:
        """Answer a request to `/control/<name>`."""
        name = request.path.removeprefix("/control/")
        if request.method != "POST" or name not in NAMES:
            return json_answer(404, {"error": {"message": "There is no such control."}})
        try:
            arguments = json.loads(request.body or b"{}")
            return json_answer(200, await getattr(self, name)(**arguments))
        except ApiError as error:
            return json_answer(error.status, error.body())
        except (TypeError, ValueError) as error:
            return json_answer(400, {"error": {"message": str(error)}})

    async def _change(self, work: Any) -> Object:
        return without_private(await self.engine.change(work))


NAMES = frozenset(
    name
    for name, method in inspect.getmembers(Controls, inspect.iscoroutinefunction)
    if not name.startswith("_") and name != "answer"
)


def _ledger(tx: Ledger) -> Object:
    intents = ("id", "status", "amount", "currency", "amount_received", "amount_capturable", "metadata")
    paid_back = ("id", "payment_intent", "amount", "currency", "status", "metadata")
    disputed = ("id", "payment_intent", "amount", "currency", "status")
    balance: dict[str, int] = {}
    for entry in tx.select("balance_transaction"):
        balance[entry["currency"]] = balance.get(entry["currency"], 0) + entry["net"]
    return {
        "payment_intents": [{n: i[n] for n in intents} for i in tx.select("payment_intent")],
        # What was released of an authorisation is a refund in the API, but no money was paid back.
        "refunds": [{n: r[n] for n in paid_back} for r in tx.select("refund") if not r.get("_is_release")],
        "disputes": [{n: d[n] for n in disputed} for d in tx.select("dispute")],
        "balance": balance,
    }
