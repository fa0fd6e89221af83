"""Parsing of query strings: the Selection, ListQuery and flags that they contain."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.pricing import Price, price
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.quoting import quote
from tradepost.kit.resource.list_arguments import parse_list_query
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, ListQuery
from tradepost.kit.resource.selection import Selection, has_personal_data

from .paging import Pager

type FieldsCompiler = Callable[[str | None], Selection[Any]]

MAX_PARAMETERS = 200
LIST_PARAMETERS = ("limit", "cursor", "before", "fields", "sort", "include")
NUMBERED_PARAMETERS = (*LIST_PARAMETERS, "page", "page_size")
# REST's names of the arguments of a ListQuery, if they differ.
REST_NAMES = {"first": "limit", "last": "limit", "after": "cursor"}


class Query(msgspec.Struct, frozen=True):
    """A parsed query string.

    pager: builds the envelope of a list's pages; None for other operations.
    price: that of the request; for a batch, the price of one item.
    personal: whether the response contains personal data.
    """

    selection: Selection[Any]
    list_query: ListQuery
    pager: Pager | None
    flags: Mapping[str, bool]
    price: Price
    personal: bool


def parse_query_string(
    operation: Operation[Any, ..., Any],
    text: bytes,
    permissions: frozenset[str],
    version: int,
    compile_selection: FieldsCompiler,
) -> Query:
    """Parse a query string, or raise InvalidParameter (400).

    `compile_selection` compiles the `fields` parameter.
    """
    parameters = _parse_parameters(text)
    selection = compile_selection(parameters.get("fields"))
    others = {name: value for name, value in parameters.items() if name != "fields"}
    personal = has_personal_data(operation.result, selection.field_set.fields)
    if operation.kind == "list":
        list_query = _parse_list_query(operation, others, permissions, version)
        pager = Pager(parameters, list_query)
        return Query(selection, list_query, pager, {}, price(operation, selection, list_query), personal)
    flags: dict[str, bool] = {}
    if operation.kind == "batch" and "atomic" in others:
        flags["atomic"] = _parse_flag("atomic", others.pop("atomic"))
    if others:
        name = next(iter(others))
        raise _unknown_parameter(name, ["fields", "atomic"] if operation.kind == "batch" else ["fields"])
    return Query(selection, DEFAULT_LIST_QUERY, None, flags, price(operation, selection), personal)


def _unknown_parameter(name: str, allowed: Sequence[str]) -> InvalidParameter:
    detail = f"{quote(name)} is not a parameter here."
    return InvalidParameter(detail, parameter=name, allowed=allowed, unknown=name)


def fields_text(text: bytes) -> str | None:
    """Return the `fields` parameter of a query string, None if it has none."""
    # A query string without the name, plain or percent-encoded, need not be parsed.
    return _parse_parameters(text).get("fields") if b"fields" in text or b"%" in text else None


def _parse_parameters(text: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except (UnicodeDecodeError, ValueError):
        raise InvalidParameter("The query string is not percent-encoded UTF-8.") from None
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in parameters:
            raise InvalidParameter(f"{quote(name)} is given twice.", parameter=name)
        parameters[name] = value
    return parameters


def _parse_list_query(
    operation: Operation[Any, ..., Any], parameters: dict[str, str], permissions: frozenset[str], version: int
) -> ListQuery:
    """Remove the parameters of order and page from `parameters`; what is left are filters."""
    arguments: dict[str, Any] = {
        "sort": parameters.pop("sort", None),
        "total": _parse_include(parameters.pop("include", None)),
        "after": parameters.pop("cursor", None),
        "before": parameters.pop("before", None),
    }
    numbers = {n: parameters.pop(n) for n in ("page", "page_size") if n in parameters} if version == 1 else {}
    limit = parameters.pop("limit", None)
    if numbers:
        if limit is not None:
            raise InvalidParameter("Give `page` and `page_size`, or `limit` and a cursor.", parameter="limit")
        arguments |= {"page": numbers.get("page", "1"), "first": numbers.get("page_size")}
    # With `before` alone the page ends at that row; with both cursors it starts after `cursor`.
    elif arguments["before"] is not None and arguments["after"] is None:
        arguments["last"] = limit
    else:
        arguments["first"] = limit
    arguments["filter"] = parameters
    filters = [n for n, f in operation.resource.filters.items() if f.access.allows(permissions)]
    if unknown := [name for name in parameters if name not in filters]:
        raise _unknown_parameter(unknown[0], [*(LIST_PARAMETERS if version > 1 else NUMBERED_PARAMETERS), *filters])
    try:
        return parse_list_query(operation.resource, arguments, permissions, allow_page_number=True, strict=False)
    except InvalidParameter as problem:
        if problem.parameter in parameters:
            raise  # a filter, which REST calls the same, even if it is named like an argument
        raise with_rest_names(problem, {**REST_NAMES, "first": "page_size"} if numbers else REST_NAMES) from None


def with_rest_names(problem: InvalidParameter, names: Mapping[str, str] = REST_NAMES) -> InvalidParameter:
    """Return the problem with REST's names of the arguments of a ListQuery."""
    name = names.get(problem.parameter or "")
    return problem if name is None else problem.rename_parameter(name, names)


def _parse_include(value: str | None) -> bool:
    if value not in (None, "total"):
        raise InvalidParameter(f"`include` is {quote(value)}; allowed: total.", parameter="include")
    return value == "total"


def _parse_flag(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise InvalidParameter(f"`{name}` is {quote(value)}; allowed: true, false.", parameter=name)
    return value == "true"
