"""Response Objects: the successes and problems of an operation."""

from collections.abc import Iterable
from typing import Any

from tradepost.kit import problems as kinds
from tradepost.kit.operations.operation import Operation
from tradepost.kit.problems import Problem

from ...http.problem_reference import describe_problem
from .headers import DEPRECATION, REPLAYED, header_refs
from .schema import Schema, ref

type Response = dict[str, Any]

COMMON_PROBLEMS: tuple[type[Problem], ...] = (
    kinds.InvalidParameter,
    kinds.Unauthenticated,
    kinds.TokenExpired,
    kinds.NotAcceptable,
    kinds.QuotaExceeded,
    kinds.Internal,
    kinds.Unavailable,
)
BODY_PROBLEMS: tuple[type[Problem], ...] = (
    kinds.MalformedBody,
    kinds.ContentTooLarge,
    kinds.UnsupportedMediaType,
    kinds.Validation,
)
FIELDS_PROBLEMS: tuple[type[Problem], ...] = (kinds.TooDeep, kinds.TooManyAliases, kinds.TooExpensive)
PATCH_PROBLEMS: tuple[type[Problem], ...] = (kinds.PatchTestFailed, kinds.PatchTargetMissing)
PROBLEM_JSON = "application/problem+json"
SUCCESS_TEXTS = {
    "get": "The requested resource.",
    "query": "The result.",
    "replace": "The updated resource.",
    "update": "The updated resource.",
    "command": "The result of the operation.",
}


def operation_problems(operation: Operation[Any, ..., Any], require_if_match: bool) -> list[type[Problem]]:
    """Return all problems of an operation: those that it declares, and those that REST adds."""
    problems = [*COMMON_PROBLEMS, *operation.problems]
    if operation.status == 204:
        problems.remove(kinds.NotAcceptable)
    else:
        problems += FIELDS_PROBLEMS
    if operation.input is not None:
        problems += BODY_PROBLEMS
    if operation.kind == "update":
        problems += PATCH_PROBLEMS
    if require_if_match and operation.takes_version:
        problems.append(kinds.PreconditionRequired)
    return list(dict.fromkeys(problems))


def problem_response_refs(problems: Iterable[type[Problem]]) -> dict[str, Response]:
    """Return references to the responses of some problems, by status."""
    return {
        str(status): {"$ref": f"#/components/responses/{response_name(group)}"}
        for status, group in group_by_status(problems).items()
    }


def group_by_status(problems: Iterable[type[Problem]]) -> dict[int, list[type[Problem]]]:
    """Return the problems of each status, sorted by name."""
    groups: dict[int, list[type[Problem]]] = {}
    for kind in sorted(problems, key=lambda kind: (kind.status, kind.__name__)):
        groups.setdefault(kind.status, []).append(kind)
    return groups


def response_name(problems: Iterable[type[Problem]]) -> str:
    """Return the component name of a response, such as `AlreadyExistsOrConflict`."""
    return "Or".join(kind.__name__ for kind in problems)


def problem_response(problems: list[type[Problem]]) -> Response:
    """Return the response for the problems of one status: each with cause, cure and an example."""
    doc = "\n".join(f"- `{kind.code}`: {describe_problem(kind).cause} {kind.cure}" for kind in problems)
    headers = dict.fromkeys(name for kind in problems for name in problem_headers(kind))
    # Only writes return these, and an outcome with these can be replayed.
    headers |= dict.fromkeys(REPLAYED if problems[0].status in (409, 412) else ())
    examples = {kind.__name__: {"$ref": f"#/components/examples/{kind.__name__}"} for kind in problems}
    return {
        "description": doc,
        "headers": header_refs(*headers),
        "content": {PROBLEM_JSON: {"schema": ref("Problem"), "examples": examples}},
    }


def problem_headers(kind: type[Problem]) -> list[str]:
    """Return the names of the headers that a kind of problem has."""
    return ["Accept", "Accept-Patch"] if kind is kinds.UnsupportedMediaType else list(kind().headers())


def success_responses(operation: Operation[Any, ..., Any], version: int, has_document: bool) -> dict[str, Response]:
    """Return the responses to requests that succeed, by status."""
    if operation.status == 204:
        text = "The resource was deleted." if operation.kind == "delete" else "The operation succeeded."
        replayed = REPLAYED if operation.accepts_idempotency_key else ()
        return {"204": {"description": text, "headers": header_refs(*replayed)}}
    response = _success_response(operation, version)
    if operation.may_return_existing:
        name = operation.result.name
        text = "The resource, which existed already."
        return {"200": success_response(text, ref(name), [name], ("ETag", *REPLAYED)), "201": response}
    if operation.is_write or operation.kind == "query":
        return {str(operation.status): response}
    if has_document:
        schema = {"type": "string", "maxLength": 20_000, "description": "The equivalent GraphQL document."}
        response["content"]["application/graphql"] = {"schema": schema}
    unchanged = "Not modified: `If-None-Match` has the current ETag."
    return {"200": response, "304": {"description": unchanged, "headers": response["headers"]}}


def _success_response(operation: Operation[Any, ..., Any], version: int) -> Response:
    name, kind = operation.result.name, operation.kind
    replayed = REPLAYED if operation.accepts_idempotency_key else ()
    if kind == "list":
        return _list_response(name, version)
    if kind == "batch":
        outcomes = f"{name}Outcomes"
        return success_response("The outcomes, in the order of the items.", ref(outcomes), [outcomes], REPLAYED)
    if kind == "create":
        return success_response("The new resource.", ref(name), [name], ("ETag", "Location", *replayed))
    text = SUCCESS_TEXTS.get(kind, "The result.")
    if operation.status == 202:
        text = "The request was accepted and will be processed."
    return success_response(text, ref(name), [name], ("ETag", *replayed))


def _list_response(name: str, version: int) -> Response:
    if version > 1:
        return success_response("A page of the list.", ref(f"{name}Page"), [f"{name}Page"], ("ETag", "Link"))
    schemas = [f"{name}Page", f"{name}NumberedPage"]
    return success_response(
        "A page of the list. It is numbered if the request has `page` or `page_size`.",
        {"oneOf": [ref(schema) for schema in schemas]},
        schemas,
        ("ETag", "Link", *DEPRECATION),
    )


def success_response(doc: str, schema: Schema, examples: Iterable[str], headers: Iterable[str]) -> Response:
    """Return a success in JSON and MessagePack. `examples` and `headers` are component names."""
    example_refs = {name: {"$ref": f"#/components/examples/{name}"} for name in examples}
    content = {
        "application/json": {"schema": schema, "examples": example_refs},
        "application/msgpack": {"schema": schema},
    }
    return {"description": doc, "headers": header_refs(*headers), "content": content}
