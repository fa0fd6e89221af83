"""The endpoints of the API, by method and path."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from . import confirmation, disputes, payment_intents, refunds
from .errors import ApiError, missing
from .ledger import Ledger
from .objects import new_payment_method
from .parameters import Parameters
from .queries import list_objects, search_intents
from .store import Object

type Endpoint = Callable[..., Object]
"""Called with the transaction, the parameters and the ids of the path."""


@dataclass(frozen=True)
class Route:
    """An endpoint. `client_secret`: a publishable key may call it with the intent's secret."""

    method: str
    path: re.Pattern[str]
    endpoint: Endpoint
    client_secret: bool = False


def _retrieve(kind: str, param: str) -> Endpoint:
    def retrieve(tx: Ledger, parameters: Parameters, object_id: str) -> Object:
        parameters.only("expand", "client_secret")
        item = tx.find(object_id, kind)
        if item is None:
            raise missing(kind, object_id, param)
        return item

    return retrieve


def _listed(kind: str, path: str, *filters: str) -> Endpoint:
    return lambda tx, parameters: list_objects(tx, kind, parameters, path, filters)


def _create_payment_method(tx: Ledger, parameters: Parameters) -> Object:
    parameters.only("type", "card", "sepa_debit", "billing_details", "metadata", "expand")
    return tx.insert(new_payment_method(tx, confirmation.method_of_data(parameters)))


def _list_refunds(tx: Ledger, parameters: Parameters, charge_id: str) -> Object:
    values = Parameters(parameters.values | {"charge": charge_id})
    return list_objects(tx, "refund", values, f"/v1/charges/{charge_id}/refunds", ["charge"])


def _list_events(tx: Ledger, parameters: Parameters) -> Object:
    return list_objects(tx, "event", parameters, "/v1/events", ["type"])


def _respond(tx: Ledger, parameters: Parameters, dispute_id: str) -> Object:
    parameters.only("evidence", "submit", "metadata", "expand")
    return disputes.respond(tx, dispute_id)


def _close(tx: Ledger, parameters: Parameters, dispute_id: str) -> Object:
    parameters.only("expand")
    return disputes.close(tx, dispute_id, "lost")


def _route(method: str, path: str, endpoint: Endpoint, *, client_secret: bool = False) -> Route:
    pattern = re.compile(re.sub(r"\{\w+\}", r"([A-Za-z0-9_]+)", path))
    return Route(method, pattern, endpoint, client_secret)


ROUTES = [
    _route("POST", "/v1/payment_intents", payment_intents.create),
    _route("GET", "/v1/payment_intents", _listed("payment_intent", "/v1/payment_intents", "customer")),
    _route("GET", "/v1/payment_intents/search", search_intents),
    _route("GET", "/v1/payment_intents/{id}", _retrieve("payment_intent", "intent"), client_secret=True),
    _route("POST", "/v1/payment_intents/{id}", payment_intents.update),
    _route("POST", "/v1/payment_intents/{id}/confirm", confirmation.confirm, client_secret=True),
    _route("POST", "/v1/payment_intents/{id}/capture", payment_intents.capture),
    _route("POST", "/v1/payment_intents/{id}/cancel", payment_intents.cancel),
    _route("POST", "/v1/payment_methods", _create_payment_method),
    _route("GET", "/v1/payment_methods/{id}", _retrieve("payment_method", "payment_method")),
    _route("GET", "/v1/charges", _listed("charge", "/v1/charges", "payment_intent")),
    _route("GET", "/v1/charges/{id}", _retrieve("charge", "charge")),
    _route("GET", "/v1/charges/{id}/refunds", _list_refunds),
    _route("POST", "/v1/refunds", refunds.create),
    _route("GET", "/v1/refunds", _listed("refund", "/v1/refunds", "payment_intent", "charge")),
    _route("GET", "/v1/refunds/{id}", _retrieve("refund", "refund")),
    _route("POST", "/v1/refunds/{id}", refunds.update),
    _route("GET", "/v1/disputes", _listed("dispute", "/v1/disputes", "payment_intent", "charge")),
    _route("GET", "/v1/disputes/{id}", _retrieve("dispute", "dispute")),
    _route("POST", "/v1/disputes/{id}", _respond),
    _route("POST", "/v1/disputes/{id}/close", _close),
    _route("GET", "/v1/events", _list_events),
    _route("GET", "/v1/events/{id}", _retrieve("event", "id")),
    _route(
        "GET",
        "/v1/balance_transactions",
        _listed("balance_transaction", "/v1/balance_transactions", "source", "type", "currency"),
    ),
    _route("GET", "/v1/balance_transactions/{id}", _retrieve("balance_transaction", "id")),
]


def find_route(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """Return the route and the ids in its path, or raise the error that there is none."""
    for route in ROUTES:
        if route.method == method and (match := route.path.fullmatch(path)):
            return route, match.groups()
    message = (
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove the trailing slash."
    )
    raise ApiError(message, status=404, is_stored=False)
