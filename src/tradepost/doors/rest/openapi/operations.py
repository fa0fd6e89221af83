"""Operation Objects of the OpenAPI document."""

from typing import Any

from litestar.handlers import BaseRouteHandler

from tradepost.kit.auth.access import Access
from tradepost.kit.operations.operation import Operation
from tradepost.kit.resource.resource import Resource
from tradepost.kit.schema.merge_patch_type import merge_patch_type

from ...http.request_body import JSON, JSON_PATCH, MERGE_PATCH, MSGPACK
from ..links import Endpoint
from .parameters import Parameter, common_parameters, parameter_ref
from .resource_parameters import id_parameter, sort_parameter
from .responses import operation_problems, problem_response_refs, success_responses
from .schema import ref

type Security = list[dict[str, list[str]]]

SCHEMES = ("apiKey", "bearer", "oauth2")
CART_TOKEN_SCHEME = "cartToken"  # noqa: S105  (the name of a scheme)


def operation_object(
    endpoint: Endpoint, tag: str, version: int, *, require_if_match: bool, has_document: bool
) -> dict[str, Any]:
    """Return the Operation Object of an endpoint."""
    operation = endpoint.operation
    problems = operation_problems(operation, require_if_match)
    result: dict[str, Any] = {"operationId": operation.name, "tags": [tag], **summary_and_description(operation)}
    result["parameters"] = operation_parameters(operation, version)
    if operation.input is not None:
        result["requestBody"] = request_body(operation, operation.input)
    result["responses"] = success_responses(operation, version, has_document) | problem_response_refs(problems)
    result["security"] = security(operation.access, operation.accepts_cart_token)
    if operation.access.permission:
        result["x-permission"] = operation.access.permission
    return result


def security(access: Access, accepts_cart_token: bool = False) -> Security:
    """Return the accepted credentials. Each needs the operation's permission as its scope.

    OpenAPI 3.1 allows scopes with every scheme.
    """
    scopes = [access.permission] if access.permission else []
    credentials = [{scheme: scopes} for scheme in SCHEMES]
    cart_token: Security = [{CART_TOKEN_SCHEME: []}] if accepts_cart_token else []
    return credentials if scopes else [{}, *credentials, *cart_token]


def summary_and_description(operation: Operation[Any, ..., Any]) -> dict[str, str]:
    """Return the start of the operation's docstring, and all of it with the required permission."""
    doc = " ".join(operation.doc.split())
    summary = doc.partition(";")[0].partition(". ")[0].rstrip(".")
    return {"summary": summary, "description": f"{doc} {_access_text(operation)}"}


def _access_text(operation: Operation[Any, ..., Any]) -> str:
    if permission := operation.access.permission:
        return f"Requires the permission `{permission}`."
    is_row = isinstance(operation.result, Resource)
    if operation.kind == "get" and (is_row or operation.path_parameters):
        return "Requires no authentication; a resource that you may not see is reported as not found."
    if not is_row:
        return "Requires no authentication."
    return "Requires no authentication; resources that you may not see are left out."


def operation_parameters(operation: Operation[Any, ..., Any], version: int) -> list[Parameter]:
    """Return all parameters of an operation."""
    kind = operation.kind
    parameters: list[Parameter] = []
    if operation.path_parameters:
        parameters.append(parameter_ref(f"{operation.path_resource.name}.key"))
    parameters += [id_parameter(name, resource) for name, resource in operation.path_ids.items()]
    if operation.status != 204:
        parameters.append(parameter_ref(f"{operation.result.name}.fields"))
    if kind == "list":
        parameters += _list_parameters(operation, version)
    if kind == "batch":
        parameters.append(parameter_ref("Atomic"))
    if kind in ("get", "list"):
        parameters.append(parameter_ref("If-None-Match"))
    if operation.takes_version:
        parameters.append(parameter_ref("If-Match"))
    if operation.requires_idempotency_key:
        parameters.append(common_parameters(version)["Idempotency-Key"] | {"required": True})
    elif operation.accepts_idempotency_key:
        parameters.append(parameter_ref("Idempotency-Key"))
    return [*parameters, parameter_ref("X-Request-ID"), parameter_ref("X-API-Version")]


def _list_parameters(operation: Operation[Any, ..., Any], version: int) -> list[Parameter]:
    """Return the parameters for the page, order and filters of a list."""
    resource = operation.resource
    order = resource.order
    if operation.parent_relation:
        parent, relation_name = operation.parent_relation
        order = parent.relations[relation_name].order
    names = ["Limit", "Cursor", "Before", "Include", *(("Page", "PageSize") if version == 1 else ())]
    parameters = [parameter_ref(name) for name in names]
    if resource.sorts:
        parameters.append(sort_parameter(resource, order))
    return [*parameters, *(parameter_ref(f"{resource.name}.{name}") for name in resource.filters)]


def request_body(operation: Operation[Any, ..., Any], shape: type[Any]) -> dict[str, Any]:
    """Return the Request Body Object. A patch is a merge patch or a JSON Patch."""
    name = (merge_patch_type(shape) if operation.kind == "update" else shape).__name__
    json_content = {"schema": ref(name), "examples": {name: {"$ref": f"#/components/examples/{name}"}}}
    content: dict[bytes, Any] = {JSON: json_content, MSGPACK: {"schema": ref(name)}}
    if operation.kind == "update":
        patch_examples = {"JsonPatch": {"$ref": "#/components/examples/JsonPatch"}}
        patch_content = {"schema": ref("JsonPatch"), "examples": patch_examples}
        content = {MERGE_PATCH: json_content, **content, JSON_PATCH: patch_content}
    return {"required": True, "content": {media_type.decode(): value for media_type, value in content.items()}}


def controller_tag(handler: BaseRouteHandler) -> tuple[str, str]:
    """Return the tag of a handler's controller and its description, the controller's docstring."""
    controller: Any = handler.fn.__self__  # type: ignore[attr-defined]
    return controller.tags[0], " ".join((controller.__doc__ or "").split())
