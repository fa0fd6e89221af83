"""`?fields=` to a Selection: the inside of a GraphQL selection set with REST's names."""

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

MAX_FIELDS_LENGTH, MOST_TOKENS = 20_000, 2000
LINKS = "links"


def compile_fields(
    of: Result[Any], text: str | None, permissions: frozenset[str], rendering: Rendering | None = None
) -> Selection[Any]:
    """The Selection that a text asks for, by callers with these permissions; without a text the default fields."""
    draft = SelectionBuilder(of)
    if text is None:
        draft.add_default(permissions)
    else:
        try:
            chosen = _parsed(text)
            if _aliases(chosen) > MAX_ALIASES:
                raise too_many_aliases()
            _write(draft, chosen, permissions)
        except (TooDeep, TooManyAliases) as problem:
            raise problem.rename_parameter("fields", {}) from None
    fields, windows = draft.build()
    return Selection(FieldSet(fields, rendering), windows)


def _parsed(text: str) -> SelectionSetNode:
    if not text.strip(" ,\t\r\n\ufeff"):
        raise _bad("`fields` is empty; leave it out for the default fields.")
    if len(text) > MAX_FIELDS_LENGTH:
        raise _bad(f"`fields` has {len(text)} characters; at most {MAX_FIELDS_LENGTH} are allowed.")
    try:
        document = parse("{" + text + "\n}", no_location=True, max_tokens=MOST_TOKENS)
    except GraphQLSyntaxError as fault:
        raise _bad(
            f"`fields` cannot be read: {fault.description if hasattr(fault, 'description') else fault.message}"
        ) from None
    except (GraphQLError, RecursionError) as fault:
        raise _bad(f"`fields` cannot be read: {fault}") from None
    match document.definitions:
        case [OperationDefinitionNode(operation=OperationType.QUERY, name=None, selection_set=chosen)] if (
            chosen.selections
        ):
            return chosen
        case _:
            raise _bad("`fields` is the inside of one selection set, such as `id,name,variants{sku}`.")


def _aliases(chosen: SelectionSetNode) -> int:
    """How many aliases stand in a selection set, at all depths."""
    found, waiting = 0, [chosen]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                found += node.alias is not None
                if node.selection_set is not None:
                    waiting.append(node.selection_set)
    return found


def _write(draft: SelectionBuilder, chosen: SelectionSetNode, permissions: frozenset[str]) -> None:
    """Writes the fields of one level into the draft."""
    said: dict[str, Any] = {}
    for node in chosen.selections:
        if not isinstance(node, FieldNode) or node.directives:
            raise _bad("Fragments and directives are for GraphQL; `fields` has neither.")
        written, alias = node.name.value, node.alias.value if node.alias else None
        name = ACTIONS if written == LINKS else written
        _check(draft.target, name, written, permissions)
        asked = _window(draft.target, name, node, permissions)
        key = alias or written
        if said.setdefault(key, (name, asked)) != (name, asked):
            raise _bad(f"`{key}` is asked for twice with different meanings; give one of them an alias.")
        _, inner = draft.add(name, None if alias == written else alias, asked)
        _inside(inner, node, written, permissions)


def _inside(inner: SelectionBuilder | None, node: FieldNode, written: str, permissions: frozenset[str]) -> None:
    if inner is None:
        if node.selection_set:
            raise _bad(f"`{written}` has no fields below it.")
    elif node.selection_set is None:
        inner.add_default(permissions)
    elif not node.selection_set.selections:
        raise _bad(f"`{written}` is followed by empty braces; leave them out for its default fields.")
    else:
        _write(inner, node.selection_set, permissions)


def _check(names: Result[Any] | EmbeddedValue, name: str, written: str, permissions: frozenset[str]) -> None:
    """Refuses an unknown name and lists the known ones."""
    if written == ACTIONS or (name not in names.members and name not in names.relations):
        allowed = [LINKS if n == ACTIONS else n for n in readable_names(names, permissions)]
        raise InvalidParameter(f"`{written}` is not a field of {names.name}.", parameter="fields", allowed=allowed)


def _window(
    names: Result[Any] | EmbeddedValue, name: str, node: FieldNode, permissions: frozenset[str]
) -> ListQuery | None:
    """The window in a to-many relation's arguments; nothing else takes arguments."""
    if not isinstance(names, Resource) or not names.is_to_many(name):
        if node.arguments:
            raise _bad(f"`{node.name.value}` takes no arguments.")
        return None
    relation = names.relations[name]
    try:
        return parse_list_query(relation.target, _arguments(node.arguments or ()), permissions, paged=relation.paged)
    except InvalidParameter as problem:
        problem.short_detail, problem.detail = (
            f"`{node.name.value}`: {problem.short_detail}",
            f"`{node.name.value}`: {problem.detail}",
        )
        raise problem.rename_parameter("fields", {}) from None


def _arguments(nodes: tuple[ArgumentNode, ...]) -> Mapping[str, Any]:
    if any(_has_variable(a) for a in nodes):
        raise _bad("Variables are for GraphQL; write the values into `fields`.")
    if len({a.name.value for a in nodes}) < len(nodes):
        raise _bad("An argument is given twice.")
    return {a.name.value: value_from_ast_untyped(a.value) for a in nodes}


def _has_variable(node: ArgumentNode) -> bool:
    found: list[VariableNode] = []

    class Find(Visitor):
        def enter_variable(self, variable: VariableNode, *_: Any) -> None:
            found.append(variable)

    visit(node, Find())
    return bool(found)


def _bad(detail: str) -> InvalidParameter:
    """400 about `fields`."""
    return InvalidParameter(detail, parameter="fields")
