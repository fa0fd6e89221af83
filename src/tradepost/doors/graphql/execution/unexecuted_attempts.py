"""Attempts at credentials in a document that is over a ceiling: it runs nothing, and they count as if it had (CVE-2026-35441).

One pass over the root fields of the mutation that would run, as it is written: it may not have been validated, so whatever cannot be read is left
out or tries no account by name. It is linear in the document, which has 20 kB and 2,000 tokens at most.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, cast

from graphql import Undefined, value_from_ast_untyped
from graphql.language import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
)

from tradepost.kit.rate_limit.credential_attempts import CredentialAttempts
from tradepost.kit.writes.call_context import CallContext

from ...graphql_names import camel
from ..documents.requests import RequestParameters
from ..schema.root_fields import RootField

type Fields = Mapping[str, RootField[..., Any]]


class Written:
    """An input as it was written, read by the names that rules have for its members; what is not there is None."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given

    def __getattr__(self, name: str) -> Any:
        value = self.given.get(camel(name))
        return Written(cast(dict[str, Any], value)) if isinstance(value, dict) else value


async def count_unexecuted_attempts(
    over: DocumentNode, fields: Fields, request: RequestParameters, context: CallContext
) -> None:
    """Counts what was tried in a document that is refused; where nobody counts, it is not looked at."""
    attempts = context.dependencies.get(CredentialAttempts)
    if attempts is not None and any([f.operation.attempted_account is not None for f in fields.values()]):
        await attempts.count_unexecuted(written(over, fields, request), context.address, context.caller.id)


def written(ast: DocumentNode, fields: Fields, request: RequestParameters) -> Counter[str | None]:
    """How often each account is tried in the mutation that a request names; None stands for those that cannot be read."""
    found, node = Counter[str | None](), chosen(ast, request.operation_name)
    if node is None:
        return found
    variables = given(node, request)
    for field in roots(ast, node, variables):
        root = fields.get(field.name.value)
        if root is not None and root.operation.attempted_account is not None and root.operation.is_write:
            found[account(root, field, variables)] += 1
    return found


def chosen(ast: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """The mutation that would run."""
    operations = [d for d in ast.definitions if isinstance(d, OperationDefinitionNode)]
    named = [o for o in operations if o.name is not None and o.name.value == name] if name else operations
    return named[0] if len(named) == 1 and named[0].operation is OperationType.MUTATION else None


def given(node: OperationDefinitionNode, request: RequestParameters) -> dict[str, Any]:
    """The variables as they came, and the defaults of the others."""
    variables = dict[str, Any]()
    for definition in node.variable_definitions or ():
        if definition.default_value is not None and (value := literal(definition.default_value, {})) is not Undefined:
            variables[definition.variable.name.value] = value
    return variables | (request.variables or {})


def roots(ast: DocumentNode, node: OperationDefinitionNode, variables: dict[str, Any]) -> Iterator[FieldNode]:
    """The root fields, one of each response key; every fragment on the mutations once."""
    fragments = {d.name.value: d for d in ast.definitions if isinstance(d, FragmentDefinitionNode)}
    keys, spread, waiting = set[str](), set[str](), [node.selection_set]
    while waiting:
        for selection in waiting.pop().selections:
            found: Any = selection
            if not included(found, variables):
                continue
            if isinstance(found, FieldNode):
                if (key := (found.alias or found.name).value) not in keys:
                    keys.add(key)
                    yield found
                continue
            if not hasattr(found, "selection_set"):
                if (name := found.name.value) in spread:
                    continue
                spread.add(name)
                found = fragments.get(name)
            if found is not None and (found.type_condition is None or found.type_condition.name.value == "Mutation"):
                waiting.append(found.selection_set)


def included(node: Any, variables: dict[str, Any]) -> bool:
    """What @skip and @include say; what cannot be told is counted."""
    for directive in node.directives or ():
        if (name := directive.name.value) in ("skip", "include"):
            for argument in directive.arguments or ():
                said = argument.value
                value = (
                    variables.get(said.name.value)
                    if isinstance(said, VariableNode)
                    else said.value
                    if isinstance(said, BooleanValueNode)
                    else None
                )
                if value is (name == "skip"):
                    return False
    return True


def account(root: RootField[..., Any], field: FieldNode, variables: dict[str, Any]) -> str | None:
    """The account that a root field tries, as far as it can be read."""
    attempt = root.operation.attempted_account
    arguments = {
        a.name.value: value for a in field.arguments or () if (value := literal(a.value, variables)) is not Undefined
    }
    body = arguments.get("input")
    try:
        found: Any = (
            attempt(Written(cast(dict[str, Any], body) if isinstance(body, dict) else arguments))
            if attempt is not None
            else None
        )
    except Exception:
        return None  # It was written for an input that had been read.
    return found if isinstance(found, str) else None


def literal(node: Any, variables: dict[str, Any]) -> Any:
    """A value as it is written."""
    try:
        return value_from_ast_untyped(node, variables)
    except Exception:
        return Undefined
