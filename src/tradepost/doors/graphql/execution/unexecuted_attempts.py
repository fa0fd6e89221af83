"""Count the credential attempts in a document that is rejected for its size (CVE-2026-35441).

The document is not executed, but its attempts count as if it had been. It may not have been
validated, so this is one tolerant pass over the root fields of the mutation that would run: what
cannot be read is left out, or counts as an attempt on an unknown account. The pass is linear in
the document, which has at most 20 kB and 2,000 tokens.
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


class UnvalidatedInput:
    """An input object with attributes under the Struct's names. Missing members are None."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members

    def __getattr__(self, name: str) -> Any:
        value = self._members.get(camel(name))
        return UnvalidatedInput(cast(dict[str, Any], value)) if isinstance(value, dict) else value


async def count_unexecuted_attempts(
    ast: DocumentNode, fields: Fields, request: RequestParameters, context: CallContext
) -> None:
    """Count the attempts in a rejected document, if attempts are limited at all."""
    attempts = context.dependencies.get(CredentialAttempts)
    if attempts is not None and any([f.operation.attempted_account is not None for f in fields.values()]):
        await attempts.count_unexecuted(attempts_by_account(ast, fields, request), context.address, context.caller.id)


def attempts_by_account(ast: DocumentNode, fields: Fields, request: RequestParameters) -> Counter[str | None]:
    """Return the number of attempts on each account; None stands for unknown accounts."""
    attempts, mutation = Counter[str | None](), requested_mutation(ast, request.operation_name)
    if mutation is None:
        return attempts
    variables = uncoerced_variables(mutation, request)
    for node in root_field_nodes(ast, mutation, variables):
        field = fields.get(node.name.value)
        if field is not None and field.operation.attempted_account is not None and field.operation.is_write:
            attempts[attempted_account(field, node, variables)] += 1
    return attempts


def requested_mutation(ast: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """Return the operation that would run, if it is a mutation."""
    operations = [d for d in ast.definitions if isinstance(d, OperationDefinitionNode)]
    candidates = [o for o in operations if o.name is not None and o.name.value == name] if name else operations
    if len(candidates) == 1 and candidates[0].operation is OperationType.MUTATION:
        return candidates[0]
    return None


def uncoerced_variables(mutation: OperationDefinitionNode, request: RequestParameters) -> dict[str, Any]:
    """Return the request's variables and the default values of the others."""
    variables = dict[str, Any]()
    for definition in mutation.variable_definitions or ():
        if definition.default_value is not None and (value := literal(definition.default_value, {})) is not Undefined:
            variables[definition.variable.name.value] = value
    return variables | (request.variables or {})


def root_field_nodes(
    ast: DocumentNode, mutation: OperationDefinitionNode, variables: dict[str, Any]
) -> Iterator[FieldNode]:
    """Yield one root field for each response key. Each fragment is visited once."""
    fragments = {d.name.value: d for d in ast.definitions if isinstance(d, FragmentDefinitionNode)}
    keys, visited, stack = set[str](), set[str](), [mutation.selection_set]
    while stack:
        for selection in stack.pop().selections:
            node: Any = selection
            if not is_included(node, variables):
                continue
            if isinstance(node, FieldNode):
                if (key := (node.alias or node.name).value) not in keys:
                    keys.add(key)
                    yield node
                continue
            if not hasattr(node, "selection_set"):
                if (name := node.name.value) in visited:
                    continue
                visited.add(name)
                node = fragments.get(name)
            if node is not None and (node.type_condition is None or node.type_condition.name.value == "Mutation"):
                stack.append(node.selection_set)


def is_included(node: Any, variables: dict[str, Any]) -> bool:
    """Evaluate @skip and @include. Selections with unknown conditions are included."""
    for directive in node.directives or ():
        if (name := directive.name.value) in ("skip", "include"):
            for argument in directive.arguments or ():
                condition, value = argument.value, None
                if isinstance(condition, VariableNode):
                    value = variables.get(condition.name.value)
                elif isinstance(condition, BooleanValueNode):
                    value = condition.value
                if value is (name == "skip"):
                    return False
    return True


def attempted_account(field: RootField[..., Any], node: FieldNode, variables: dict[str, Any]) -> str | None:
    """Return the account that a root field tries, or None if it cannot be read."""
    read_account = field.operation.attempted_account
    arguments = {
        a.name.value: value for a in node.arguments or () if (value := literal(a.value, variables)) is not Undefined
    }
    body = arguments.get("input")
    members = cast(dict[str, Any], body) if isinstance(body, dict) else arguments
    try:
        account: Any = read_account(UnvalidatedInput(members)) if read_account is not None else None
    except Exception:
        return None  # The operation's function expects a validated input.
    return account if isinstance(account, str) else None


def literal(node: Any, variables: dict[str, Any]) -> Any:
    """Return the Python value of a literal, or Undefined."""
    try:
        return value_from_ast_untyped(node, variables)
    except Exception:
        return Undefined
