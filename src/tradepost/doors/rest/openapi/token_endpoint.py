"""The token endpoint of OAuth2 in the document: its form, its answers, and the scheme that tells tools where it is."""

from collections.abc import Iterable, Mapping
from typing import Any

from tradepost.kit import problems as kinds
from tradepost.kit.auth.oauth_errors import REFUSALS
from tradepost.kit.operations.operation import Operation
from tradepost.kit.problems import Problem

from ...http.problem_reference import explain
from ..token_endpoint import FORM
from .operations import said
from .parameters import placed
from .responses import headers, refusal, refusals
from .schema import Schema, object_of, ref

ELSEWHERE: tuple[type[Problem], ...] = (kinds.QuotaExceeded, kinds.Internal, kinds.Unavailable)
"""What is a problem as everywhere."""

ERROR = object_of(
    {
        "error": {"type": "string", "enum": [kind.code for kind in REFUSALS]},
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


def schemes(paths: Iterable[str], scopes: Mapping[str, str]) -> dict[str, Any]:
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
    found = {o.of.name: granted(o, made[o.of.name]) for o in operations}
    return {**found, "OAuthError": ERROR} if found else {}


def granted(operation: Operation[Any, ..., Any], made: Schema) -> Schema:
    """The members; one that can be null is left out where it would be."""
    own = operation.of.own
    properties = {
        name: {n: v for n, v in member.items() if n != "anyOf"} | member.get("anyOf", [{}])[0]
        for name, member in made["properties"].items()
    }
    doc = " ".join((operation.of.shape.__doc__ or "").split())
    return object_of(properties, required=[name for name in properties if not own[name].null], doc=doc)


def examples() -> dict[str, Any]:
    """An error of each kind."""
    return {f"{kind.__name__}Error": {"summary": kind.title, "value": error(kind)} for kind in REFUSALS}


def error(kind: type[Problem]) -> dict[str, str]:
    """An error as it is answered."""
    return {
        "error": kind.code,
        "error_description": explain(kind).example["detail"].replace('"', "'"),
        "error_uri": f"/problems/{kind.code}",
    }


def operation_object(operation: Operation[Any, ..., Any], tag: str) -> dict[str, Any]:
    """What the document says of a token endpoint."""
    assert operation.input is not None
    body, answer = operation.input.__name__, operation.of.name
    found = {
        "description": "The token.",
        "headers": headers("Pragma"),
        "content": {"application/json": shown(answer, answer)},
    }
    refused = {str(status): errors(status) for status in sorted({kind.status for kind in REFUSALS})}
    # The version and the host are checked before it is known what the path is.
    refused["400"]["content"] |= refusal([kinds.InvalidParameter])["content"]
    return {
        "operationId": operation.name, "tags": [tag], **said(operation),
        "parameters": [placed("X-Request-ID"), placed("X-API-Version")],
        "requestBody": {"required": True, "content": {FORM.decode(): shown(body, body)}},
        "responses": {"200": found} | refused | refusals(ELSEWHERE), "security": [{}],
    }  # fmt: skip


def errors(status: int) -> dict[str, Any]:
    """The errors of a status."""
    found = [kind for kind in REFUSALS if kind.status == status]
    words = "\n".join(f"- `{kind.code}`: {explain(kind).cause} {kind.cure}" for kind in found)
    named = dict.fromkeys(name for kind in found for name in kind().headers())
    content = {
        "schema": ref("OAuthError"),
        "examples": {k.__name__: {"$ref": f"#/components/examples/{k.__name__}Error"} for k in found},
    }
    return {"description": words, "headers": headers("Pragma", *named), "content": {"application/json": content}}


def shown(schema: str, example: str) -> dict[str, Any]:
    """A schema with its example."""
    return {"schema": ref(schema), "examples": {example: {"$ref": f"#/components/examples/{example}"}}}
