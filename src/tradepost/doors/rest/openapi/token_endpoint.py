"""The OAuth2 token endpoint in the OpenAPI document: its form, responses and security scheme."""

from collections.abc import Iterable, Mapping
from typing import Any

from tradepost.kit import problems as kinds
from tradepost.kit.auth.oauth_errors import OAUTH_ERRORS
from tradepost.kit.operations.operation import Operation
from tradepost.kit.problems import Problem

from ...http.problem_reference import describe_problem
from ..token_endpoint import FORM_URLENCODED
from .headers import header_refs
from .operations import summary_and_description
from .parameters import parameter_ref
from .responses import problem_response, problem_response_refs
from .schema import Schema, object_schema, ref

PROBLEMS: tuple[type[Problem], ...] = (kinds.QuotaExceeded, kinds.Internal, kinds.Unavailable)
"""Errors that are problem documents, as in the rest of the API."""

ERROR = object_schema(
    {
        "error": {"type": "string", "enum": [kind.code for kind in OAUTH_ERRORS]},
        "error_description": {
            "type": "string",
            "maxLength": 20_000,
            "pattern": "^[ -~]*$",
            "description": "The fault, and the allowed values.",
        },
        "error_uri": {
            "type": "string",
            "format": "uri-reference",
            "maxLength": 200,
            "description": "The path of a page that explains the cause and the solution.",
        },
    },
    required=["error", "error_description"],
    doc="Why no token was issued (RFC 6749, 5.2).",
)
# Spectral's OWASP rules require the word "RFC8725" in the description of a scheme with JWTs.
SCHEME_DESCRIPTION = (
    "An access token (a JWT that follows RFC8725) from the token endpoint, for the e-mail address and password of an "
    "account, or the id and secret of an API key."
)


def security_schemes(paths: Iterable[str], scopes: Mapping[str, str]) -> dict[str, Any]:
    """Return the security scheme of the first token endpoint; empty if there is none."""
    for path in paths:
        flow = {"tokenUrl": path, "refreshUrl": path, "scopes": dict(sorted(scopes.items()))}
        flows = {"password": flow, "clientCredentials": flow}
        return {"oauth2": {"type": "oauth2", "description": SCHEME_DESCRIPTION, "flows": flows}}
    return {}


def schemas(operations: Iterable[Operation[Any, ..., Any]], result_schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the schemas of the endpoints' responses and of their errors."""
    responses = {o.result.name: token_response(o, result_schemas[o.result.name]) for o in operations}
    return {**responses, "OAuthError": ERROR} if responses else {}


def token_response(operation: Operation[Any, ..., Any], result_schema: Schema) -> Schema:
    """Return the schema of a token. Null members are omitted, and `fields` does not apply."""
    members = operation.result.members
    properties = {
        name: {k: v for k, v in schema.items() if k != "anyOf"} | schema.get("anyOf", [{}])[0]
        for name, schema in result_schema["properties"].items()
    }
    doc = " ".join((operation.result.shape.__doc__ or "").split())
    return object_schema(properties, required=[name for name in properties if not members[name].null], doc=doc)


def examples() -> dict[str, Any]:
    """Return an example of each error, by component name."""
    return {f"{kind.__name__}Error": {"summary": kind.title, "value": error_example(kind)} for kind in OAUTH_ERRORS}


def error_example(kind: type[Problem]) -> dict[str, str]:
    """Return the body of an error response."""
    return {
        "error": kind.code,
        "error_description": describe_problem(kind).example["detail"].replace('"', "'"),
        "error_uri": f"/problems/{kind.code}",
    }


def operation_object(operation: Operation[Any, ..., Any], tag: str) -> dict[str, Any]:
    """Return the Operation Object of a token endpoint."""
    assert operation.input is not None
    body, result = operation.input.__name__, operation.result.name
    success = {
        "description": "The token.",
        "headers": header_refs("Pragma"),
        "content": {"application/json": content_object(result)},
    }
    errors = {str(status): error_response(status) for status in sorted({kind.status for kind in OAUTH_ERRORS})}
    # The API version and the host are checked before routing, with an ordinary problem.
    errors["400"]["content"] |= problem_response([kinds.InvalidParameter])["content"]
    return {
        "operationId": operation.name,
        "tags": [tag],
        **summary_and_description(operation),
        "parameters": [parameter_ref("X-Request-ID"), parameter_ref("X-API-Version")],
        "requestBody": {"required": True, "content": {FORM_URLENCODED.decode(): content_object(body)}},
        "responses": {"200": success} | errors | problem_response_refs(PROBLEMS),
        "security": [{}],
    }


def error_response(status: int) -> dict[str, Any]:
    """Return the response for the errors of one status."""
    errors = [kind for kind in OAUTH_ERRORS if kind.status == status]
    doc = "\n".join(f"- `{kind.code}`: {describe_problem(kind).cause} {kind.cure}" for kind in errors)
    headers = dict.fromkeys(name for kind in errors for name in kind().headers())
    content = {
        "schema": ref("OAuthError"),
        "examples": {k.__name__: {"$ref": f"#/components/examples/{k.__name__}Error"} for k in errors},
    }
    return {"description": doc, "headers": header_refs("Pragma", *headers), "content": {"application/json": content}}


def content_object(name: str) -> dict[str, Any]:
    """Return a Media Type Object with the component schema and example of this name."""
    return {"schema": ref(name), "examples": {name: {"$ref": f"#/components/examples/{name}"}}}
