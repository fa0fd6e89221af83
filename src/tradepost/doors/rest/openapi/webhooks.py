"""Webhooks in the OpenAPI document: the parameter of the path, the signature and any body."""

from typing import Any

from ..webhook_route import WebhookRoute
from .parameters import Parameter, parameter
from .schema import Schema

BODY: Schema = {
    "type": "object",
    "maxProperties": 1000,
    "additionalProperties": True,
    "description": "The event, in the form of the service that sends it.",
}
EVENT = {"id": "evt_3PtVuT2eZvKYlo2C", "type": "payment_intent.succeeded"}


def add_webhook(operation: dict[str, Any], route: WebhookRoute) -> dict[str, Any]:
    """Return an Operation Object with what its registry entry does not know."""
    parameters = [_path_parameter(route), _signature(route), *operation["parameters"]]
    content = {"application/json": {"schema": BODY, "examples": {"Event": {"value": EVENT}}}}
    return {**operation, "parameters": parameters, "requestBody": {"required": True, "content": content}}


def _path_parameter(route: WebhookRoute) -> Parameter:
    name, example = route.parameter
    schema: Schema = {"type": "string", "minLength": 1, "maxLength": 100}
    return parameter(name, "path", schema, f"The {name} that sends the event.", example, required=True)


def _signature(route: WebhookRoute) -> Parameter:
    schema: Schema = {"type": "string", "maxLength": 4000}
    doc = "The signature of the body, if the sender puts it in this header."
    return parameter(route.signature_header, "header", schema, doc, "t=1790000000,v1=5257a869e7ec")
