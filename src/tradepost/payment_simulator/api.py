"""Answers requests to `/v1`: keys, idempotency, endpoints, and the faults that tests ask for."""

import asyncio
import hmac
import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import idempotency, queries
from .asgi import Answer, ConnectionDropped, Request, json_answer
from .confirmation import find_intent
from .engine import Engine
from .errors import ApiError, invalid
from .faults import Fault, take_fault
from .keys import Keys
from .ledger import Ledger
from .objects import API_VERSION, new_id, without_private
from .parameters import Parameters, parse_parameters
from .routes import Route, find_route

LOGGER = logging.getLogger(__name__)
SERVER_ERROR = ApiError(
    "Sorry! There was an error while talking to one of our backends.", status=500, type="api_error", is_stored=False
)
RATE_LIMITED = ApiError(
    "Request rate limit exceeded.", status=429, type="invalid_request_error", code="rate_limit", is_stored=False
)


@dataclass(frozen=True)
class Call:
    """A request that has found its endpoint."""

    id: str
    request: Request
    route: Route
    ids: tuple[str, ...]
    values: dict[str, Any]
    is_secret: bool
    key: str | None

    def run(self, tx: Ledger) -> dict[str, Any]:
        """Run the endpoint and return the body of the answer."""
        tx.request = {"id": self.id, "idempotency_key": self.key}
        parameters = Parameters(self.values)
        if not self.is_secret:
            self._check_client_secret(tx, parameters)
        item = self.route.endpoint(tx, parameters, *self.ids)
        body = without_private(queries.expand(tx, item, parameters.texts("expand")))
        return body if self.is_secret else public_intent(body)

    def _check_client_secret(self, tx: Ledger, parameters: Parameters) -> None:
        secret = parameters.text("client_secret") if self.route.client_secret else None
        if secret is None:
            message = "This API call cannot be made with a publishable API key. Please use a secret API key."
            raise ApiError(message, status=403, code="secret_key_required", is_stored=False)
        if not hmac.compare_digest(secret.encode(), find_intent(tx, self.ids[0])["client_secret"].encode()):
            message = "The client_secret provided does not match the client_secret associated with the PaymentIntent."
            raise invalid(message, "client_secret", "payment_intent_invalid_parameter")
        if "expand" in parameters:
            raise invalid("Expanding needs a secret API key.", "expand")

    def refusal(self, error: ApiError) -> dict[str, Any]:
        """Return the body of an error, with what the caller may read of the payment intent."""
        body = error.body()
        if not self.is_secret and "payment_intent" in body["error"]:
            body["error"]["payment_intent"] = public_intent(body["error"]["payment_intent"])
        return body


def public_intent(intent: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a payment intent that a publishable key may read."""
    return {name: intent[name] for name in queries.PUBLIC_INTENT}


class Api:
    """Answers requests. `has_faults`: whether tests may ask for faults."""

    def __init__(self, engine: Engine, keys: Keys, *, has_faults: bool) -> None:
        self.engine, self.keys, self.has_faults = engine, keys, has_faults
        self.tasks: set[asyncio.Task[Answer]] = set()

    async def answer(self, request: Request) -> Answer:
        """Return the answer. The effect happens even if the client does not wait for it."""
        task = asyncio.create_task(self._answer(request))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Abandon the requests in flight, as a process that is killed does."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _answer(self, request: Request) -> Answer:
        request_id = new_id("req", 14)
        headers = {"request-id": request_id, "stripe-version": API_VERSION}
        try:
            call = self._call(request, request_id)
            fault = await self._take_fault(request)
            self._before(fault)
            answer = await self._run(call, fault, headers)
            await self._after(fault)
        except ApiError as error:
            return json_answer(error.status, error.body(), headers)
        except ConnectionDropped:
            raise
        except Exception:
            LOGGER.exception("The payment simulator failed at %s %s", request.method, request.path)
            return json_answer(500, SERVER_ERROR.body(), headers)
        return answer

    def _call(self, request: Request, request_id: str) -> Call:
        is_secret = self.keys.is_secret(request.headers)
        values = parse_parameters(request.query)
        if request.method == "POST":
            values |= parse_parameters(request.body)
        route, ids = find_route(request.method, request.path)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        return Call(request_id, request, route, ids, values, is_secret, key or None)

    async def _run(self, call: Call, fault: Fault | None, headers: dict[str, str]) -> Answer:
        if stored := await self._claim(call, headers):
            headers |= {"original-request": stored.request_id, "idempotent-replayed": "true"}
            status, body = stored.status, stored.body
        else:
            if fault is not None and fault.kind == "hold_before":
                await asyncio.sleep(fault.seconds)
            status, body = await self._change(call, is_failure=fault is not None and fault.kind == "error_after")
        if status >= 500:
            headers["stripe-should-retry"] = "false"  # the answer would be the same
        return json_answer(status, body, headers)

    async def _change(self, call: Call, *, is_failure: bool) -> tuple[int, dict[str, Any]]:
        try:
            return await self.engine.change(partial(_run_endpoint, call, is_failure=is_failure), call.request.base_url)
        except Exception:
            await self.engine.change(lambda tx: idempotency.release(tx, call.key or "", call.id))
            raise

    async def _claim(self, call: Call, headers: dict[str, str]) -> idempotency.StoredAnswer | None:
        key = call.key
        if key is None:
            return None
        headers |= {"idempotency-key": key, "original-request": call.id}
        digest = idempotency.fingerprint(call.values)
        return await self.engine.change(lambda tx: idempotency.claim(tx, key, call.request.path, digest, call.id))

    async def _take_fault(self, request: Request) -> Fault | None:
        if not self.has_faults:
            return None
        return await self.engine.change(lambda tx: take_fault(tx, request.method, request.path))

    def _before(self, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        if kind == "drop_before":
            raise ConnectionDropped
        if kind == "error_before":
            raise SERVER_ERROR
        if kind == "rate_limit":
            raise RATE_LIMITED

    async def _after(self, fault: Fault | None) -> None:
        if fault and fault.kind in ("delay", "hold_after"):
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "drop_after":
            raise ConnectionDropped


def _run_endpoint(call: Call, tx: Ledger, *, is_failure: bool) -> tuple[int, dict[str, Any]]:
    """Run the endpoint and store its answer under the key, in one transaction."""
    if call.key is not None:
        idempotency.check_claim(tx, call.key, call.id)
    try:
        status, body = 200, call.run(tx)
    except ApiError as error:
        status, body = error.status, call.refusal(error)
        if call.key is not None and not error.is_stored:
            idempotency.release(tx, call.key, call.id)
            return status, body
    if is_failure:
        status, body = 500, SERVER_ERROR.body()
    if call.key is not None:
        idempotency.complete(tx, call.key, status, body)
    return status, body
