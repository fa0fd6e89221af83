"""Operation Objects: one for each operation of the registry that has a route."""

from typing import Any

from litestar.handlers import BaseRouteHandler

from tradepost.kit.auth.access import Access
from tradepost.kit.operations.operation import Operation
from tradepost.kit.resource.resource import Resource
from tradepost.kit.schema.validation import merge_patch_type

from ...http.request_body import JSON, JSON_PATCH, MERGE_PATCH, MSGPACK
from ..links import Endpoint
from .parameters import operation_parameters
from .responses import operation_problems, problem_response_refs, success_responses
from .schema import ref

type Security = list[dict[str, list[str]]]

SCHEMES = ("apiKey", "bearer", "oauth2")


def operation_object(
    route: Endpoint, tag: str, version: int, *, require_if_match: bool, has_document: bool
) -> dict[str, Any]:
    """What the document says of one operation."""
    operation = route.operation
    made: dict[str, Any] = {"operationId": operation.name, "tags": [tag], **summary_and_description(operation)}
    made["parameters"] = operation_parameters(operation, "{0}" in route.path, version)
    if operation.input is not None:
        made["requestBody"] = body(operation, operation.input)
    made["responses"] = success_responses(operation, version, has_document) | problem_response_refs(
        operation_problems(operation, require_if_match)
    )
    made["security"] = security(operation.access)
    if operation.access.permission:
        made["x-permission"] = operation.access.permission
    return made


def security(access: Access) -> Security:
    """Which credentials do, each with the permission that its caller needs as its scope (OpenAPI 3.1 has scopes in every scheme)."""
    needed = [access.permission] if access.permission else []
    credentials = [{scheme: needed} for scheme in SCHEMES]
    return credentials if needed else [{}, *credentials]


def summary_and_description(operation: Operation[Any, ..., Any]) -> dict[str, str]:
    """Its summary and description: what its docstring says, and who may."""
    doc = " ".join(operation.doc.split())
    permission = operation.access.permission
    hidden = (
        f"; what a caller may not see is {'not found' if operation.kind == 'one' else 'left out'}"
        if isinstance(operation.result, Resource)
        else ""
    )
    who = f"Needs the permission `{permission}`." if permission else f"Open to all{hidden}."
    return {"summary": doc.partition(";")[0].partition(". ")[0].rstrip("."), "description": f"{doc} {who}"}


def body(operation: Operation[Any, ..., Any], shape: type[Any]) -> dict[str, Any]:
    """The request's body; a patch comes in two kinds."""
    name = (merge_patch_type(shape) if operation.kind == "update" else shape).__name__
    shown = {name: {"$ref": f"#/components/examples/{name}"}}
    plain = {"schema": ref(name), "examples": shown}
    content: dict[bytes, Any] = {JSON: plain, MSGPACK: {"schema": ref(name)}}
    if operation.kind == "update":
        steps = {"JsonPatch": {"$ref": "#/components/examples/JsonPatch"}}
        content = {MERGE_PATCH: plain, **content, JSON_PATCH: {"schema": ref("JsonPatch"), "examples": steps}}
    return {"required": True, "content": {media.decode(): made for media, made in content.items()}}


def controller_tag(handler: BaseRouteHandler) -> tuple[str, str]:
    """The tag of a handler's controller, and what the controller says of itself."""
    controller: Any = handler.fn.__self__  # type: ignore[attr-defined]
    return controller.tags[0], " ".join((controller.__doc__ or "").split())
