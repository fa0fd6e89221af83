"""Compiles the `fields` parameter, the inside of a GraphQL selection set with REST's names."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    parse,
    value_from_ast_untyped,
)
from graphql.language import OperationType, Visitor, visit

from tradepost.kit.problems import InvalidParameter, TooDeep, TooManyAliases
from tradepost.kit.quoting import quote, shorten
from tradepost.kit.resource.list_arguments import parse_list_query
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.rendering import Rendering
from tradepost.kit.resource.resource import ACTIONS, EmbeddedValue, Resource, Result
from tradepost.kit.resource.selection import (
    MAX_ALIASES,
    FieldSet,
    Selection,
    SelectionBuilder,
    readable_names,
    too_many_aliases,
)

MAX_FIELDS_LENGTH, MAX_TOKENS = 20_000, 2000
LINKS = "links"


def compile_fields(
    result: Result[Any], text: str | None, permissions: frozenset[str], rendering: Rendering | None = None
) -> Selection[Any]:
    """Return the Selection of a `fields` text for callers with these permissions.

    Without a text, select the default fields.
    """
    builder = SelectionBuilder(result)
    if text is None:
        builder.add_default(permissions)
    else:
        try:
            selection_set = _parse(text)
            if _count_aliases(selection_set) > MAX_ALIASES:
                raise too_many_aliases()
            _add_fields(builder, selection_set, permissions)
        except (TooDeep, TooManyAliases) as problem:
            raise problem.rename_parameter("fields", {}) from None
    fields, list_queries = builder.build()
    return Selection(FieldSet(fields, rendering), list_queries)


def _parse(text: str) -> SelectionSetNode:
    if not text.strip(" ,\t\r\n\ufeff"):
        raise _invalid("`fields` is empty; omit it to get the default fields.")
    if len(text) > MAX_FIELDS_LENGTH:
        raise _invalid(f"`fields` has {len(text)} characters; at most {MAX_FIELDS_LENGTH} are allowed.")
    try:
        document = parse("{" + text + "\n}", no_location=True, max_tokens=MAX_TOKENS)
    except GraphQLSyntaxError as error:
        description = error.description if hasattr(error, "description") else error.message
        raise _invalid(f"`fields` has a syntax error: {shorten(description, 300)}") from None
    except GraphQLError as error:
        raise _invalid(f"`fields` has a syntax error: {shorten(error.message, 300)}") from None
    except RecursionError:
        raise _invalid("`fields` is nested too deeply.") from None
    match document.definitions:
        case [OperationDefinitionNode(operation=OperationType.QUERY, name=None, selection_set=selection_set)] if (
            selection_set.selections
        ):
            return selection_set
        case _:
            raise _invalid("`fields` must be the inside of one selection set, such as `id,name,variants{sku}`.")


def _count_aliases(selection_set: SelectionSetNode) -> int:
    """Return the number of aliases at all depths."""
    count, remaining = 0, [selection_set]
    while remaining:
        for node in remaining.pop().selections:
            if isinstance(node, FieldNode):
                count += node.alias is not None
                if node.selection_set is not None:
                    remaining.append(node.selection_set)
    return count


def _add_fields(builder: SelectionBuilder, selection_set: SelectionSetNode, permissions: frozenset[str]) -> None:
    """Add the fields of a selection set to the builder."""
    meanings: dict[str, Any] = {}
    for node in selection_set.selections:
        if not isinstance(node, FieldNode) or node.directives:
            raise _invalid("`fields` cannot contain fragments or directives.")
        rest_name, alias = node.name.value, node.alias.value if node.alias else None
        name = ACTIONS if rest_name == LINKS else rest_name
        _check_name(builder.target, name, rest_name, permissions)
        list_query = _list_query(builder.target, name, node, permissions)
        key = alias or rest_name
        if meanings.setdefault(key, (name, list_query)) != (name, list_query):
            raise _invalid(f"{quote(key)} is selected twice with different meanings; give one of them an alias.")
        _, nested = builder.add(name, None if alias == rest_name else alias, list_query)
        _add_nested_fields(nested, node, permissions)


def _add_nested_fields(builder: SelectionBuilder | None, node: FieldNode, permissions: frozenset[str]) -> None:
    """Add the fields below a node; `builder` is None if it is a scalar."""
    name = node.name.value
    if builder is None:
        if node.selection_set:
            raise _invalid(f"`{name}` has no nested fields.")
    elif node.selection_set is None:
        builder.add_default(permissions)
    elif not node.selection_set.selections:
        raise _invalid(f"`{name}` has empty braces; omit them to get its default fields.")
    else:
        _add_fields(builder, node.selection_set, permissions)


def _check_name(target: Result[Any] | EmbeddedValue, name: str, rest_name: str, permissions: frozenset[str]) -> None:
    """Raise 400 with the known names if the name is unknown."""
    if rest_name == ACTIONS or (name not in target.members and name not in target.relations):
        allowed = [LINKS if n == ACTIONS else n for n in readable_names(target, permissions)]
        detail = f"{quote(rest_name)} is not a field of {target.name}."
        raise InvalidParameter(detail, parameter="fields", allowed=allowed, unknown=rest_name)


def _list_query(
    target: Result[Any] | EmbeddedValue, name: str, node: FieldNode, permissions: frozenset[str]
) -> ListQuery | None:
    """Return the ListQuery of a to-many relation's arguments; no other field takes arguments."""
    if not isinstance(target, Resource) or not target.is_to_many(name):
        if node.arguments:
            raise _invalid(f"`{node.name.value}` takes no arguments.")
        return None
    relation = target.relations[name]
    try:
        return parse_list_query(relation.target, _arguments(node.arguments or ()), permissions, paged=relation.paged)
    except InvalidParameter as problem:
        problem.short_detail = f"`{node.name.value}`: {problem.short_detail}"
        problem.detail = f"`{node.name.value}`: {problem.detail}"
        raise problem.rename_parameter("fields", {}) from None


def _arguments(nodes: tuple[ArgumentNode, ...]) -> Mapping[str, Any]:
    if any(_has_variable(node) for node in nodes):
        raise _invalid("`fields` cannot contain variables; write the values themselves.")
    if len({node.name.value for node in nodes}) < len(nodes):
        raise _invalid("An argument is given twice.")
    return {node.name.value: value_from_ast_untyped(node.value) for node in nodes}


def _has_variable(node: ArgumentNode) -> bool:
    variables: list[VariableNode] = []

    class VariableFinder(Visitor):
        def enter_variable(self, variable: VariableNode, *_: Any) -> None:
            variables.append(variable)

    visit(node, VariableFinder())
    return bool(variables)


def _invalid(detail: str) -> InvalidParameter:
    """Return a 400 problem about `fields`."""
    return InvalidParameter(detail, parameter="fields")
