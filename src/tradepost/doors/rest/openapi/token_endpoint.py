"""The token endpoint of OAuth2 in the document: its form, its answers, and the scheme that tells tools where it is."""

from collections.abc import Iterable, Mapping
from typing import Any

from tradepost.kit import problems as kinds
from tradepost.kit.auth.oauth_errors import OAUTH_ERRORS
from tradepost.kit.operations.operation import Operation
from tradepost.kit.problems import Problem

from ...http.problem_reference import describe_problem
from ..token_endpoint import FORM_URLENCODED
from .operations import summary_and_description
from .parameters import parameter_ref
from .responses import header_refs, problem_response, problem_response_refs
from .schema import Schema, object_schema, ref

ELSEWHERE: tuple[type[Problem], ...] = (kinds.QuotaExceeded, kinds.Internal, kinds.Unavailable)
"""What is a problem as everywhere."""

ERROR = object_schema(
    {
        "error": {"type": "string", "enum": [kind.code for kind in OAUTH_ERRORS]},
        "error_description": {
            "type": "string",
            "maxLength": 20_000,
            "pattern": "^[ -~]*$",
            "description": "What was given and what is allowed.",
        },
        "error_uri": {
            "type": "string",
            "format": "uri-reference",
            "maxLength": 200,
            "description": "A page that explains the cause and the cure.",
        },
    },
    required=["error", "error_description"],
    doc="Why there is no token (RFC 6749, 5.2).",
)


def security_schemes(paths: Iterable[str], scopes: Mapping[str, str]) -> dict[str, Any]:
    """The security scheme of the token endpoint, where there is one: what a tool's Authorize button asks for."""
    doc = "A token of the token endpoint (a JWT by the advice of RFC8725), for the address and password of an account, or the id and the secret of an API key."
    places = [{"tokenUrl": path, "refreshUrl": path, "scopes": dict(sorted(scopes.items()))} for path in paths]
    return (
        {
            "oauth2": {
                "type": "oauth2",
                "description": doc,
                "flows": {"password": places[0], "clientCredentials": places[0]},
            }
        }
        if places
        else {}
    )


def schemas(operations: Iterable[Operation[Any, ..., Any]], made: Mapping[str, Schema]) -> dict[str, Schema]:
    """The answer of each endpoint, whose members are not chosen by `fields`; and the error."""
    found = {o.result.name: granted(o, made[o.result.name]) for o in operations}
    return {**found, "OAuthError": ERROR} if found else {}


def granted(operation: Operation[Any, ..., Any], made: Schema) -> Schema:
    """The members; one that can be null is left out where it would be."""
    own = operation.result.members
    properties = {
        name: {n: v for n, v in member.items() if n != "anyOf"} | member.get("anyOf", [{}])[0]
        for name, member in made["properties"].items()
    }
    doc = " ".join((operation.result.shape.__doc__ or "").split())
    return object_schema(properties, required=[name for name in properties if not own[name].null], doc=doc)


def examples() -> dict[str, Any]:
    """An error of each kind."""
    return {f"{kind.__name__}Error": {"summary": kind.title, "value": error(kind)} for kind in OAUTH_ERRORS}


def error(kind: type[Problem]) -> dict[str, str]:
    """An error as it is answered."""
    return {
        "error": kind.code,
        "error_description": describe_problem(kind).example["detail"].replace('"', "'"),
        "error_uri": f"/problems/{kind.code}",
    }


def operation_object(operation: Operation[Any, ..., Any], tag: str) -> dict[str, Any]:
    """What the document says of a token endpoint."""
    assert operation.input is not None
    body, answer = operation.input.__name__, operation.result.name
    found = {
        "description": "The token.",
        "headers": header_refs("Pragma"),
        "content": {"application/json": shown(answer, answer)},
    }
    refused = {str(status): errors(status) for status in sorted({kind.status for kind in OAUTH_ERRORS})}
    # The version and the host are checked before it is known what the path is.
    refused["400"]["content"] |= problem_response([kinds.InvalidParameter])["content"]
    return {
        "operationId": operation.name, "tags": [tag], **summary_and_description(operation),
        "parameters": [parameter_ref("X-Request-ID"), parameter_ref("X-API-Version")],
        "requestBody": {"required": True, "content": {FORM_URLENCODED.decode(): shown(body, body)}},
        "responses": {"200": found} | refused | problem_response_refs(ELSEWHERE), "security": [{}],
    }  # fmt: skip


def errors(status: int) -> dict[str, Any]:
    """The errors of a status."""
    found = [kind for kind in OAUTH_ERRORS if kind.status == status]
    words = "\n".join(f"- `{kind.code}`: {describe_problem(kind).cause} {kind.cure}" for kind in found)
    named = dict.fromkeys(name for kind in found for name in kind().headers())
    content = {
        "schema": ref("OAuthError"),
        "examples": {k.__name__: {"$ref": f"#/components/examples/{k.__name__}Error"} for k in found},
    }
    return {"description": words, "headers": header_refs("Pragma", *named), "content": {"application/json": content}}


def shown(schema: str, example: str) -> dict[str, Any]:
    """A schema with its example."""
    return {"schema": ref(schema), "examples": {example: {"$ref": f"#/components/examples/{example}"}}}
