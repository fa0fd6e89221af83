"""A query string, read once per text: the Selection, the Window and the switches in it."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.pricing import Price, price
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.resource.list_arguments import parse_list_query
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, ListQuery
from tradepost.kit.resource.selection import Selection, has_personal_data

from .paging import Pager

type Fields = Callable[[str | None], Selection[Any]]

# How REST spells the arguments of a window.
REST_NAMES = {"first": "limit", "last": "limit", "after": "cursor"}


class Query(msgspec.Struct, frozen=True):
    """What a query string asks for, its price (a batch's is that of one item), and whether its answer holds personal data."""

    selection: Selection[Any]
    list_query: ListQuery
    pager: Pager | None
    flags: Mapping[str, bool]
    price: Price
    personal: bool


def parse_query_string(
    operation: Operation[Any, ..., Any], text: bytes, permissions: frozenset[str], version: int, fields: Fields
) -> Query:
    """The query of a request to an operation; 400 where a parameter is unknown or cannot be used. `fields` gives the Selection of that parameter."""
    given = _parameters(text)
    want = fields(given.get("fields"))
    rest = {k: v for k, v in given.items() if k != "fields"}
    own = has_personal_data(operation.result, want.field_set.fields)
    if operation.kind == "list":
        asked = _window(operation, rest, permissions, version)
        return Query(want, asked, Pager(given, asked), {}, price(operation, want, asked), own)
    switches = (
        {"atomic": _switch("atomic", rest.pop("atomic"))} if operation.kind == "batch" and "atomic" in rest else {}
    )
    if rest:
        allowed = ["fields", "atomic"] if operation.kind == "batch" else ["fields"]
        raise InvalidParameter(
            f"`{next(iter(rest))}` is no parameter here.", parameter=next(iter(rest)), allowed=allowed
        )
    return Query(want, DEFAULT_LIST_QUERY, None, switches, price(operation, want), own)


def fields_text(text: bytes) -> str | None:
    """What a query string says of `fields`, which alone is dear to read."""
    return _parameters(text).get("fields") if b"fields" in text or b"%" in text else None


def _parameters(text: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200)
    except (UnicodeDecodeError, ValueError):
        raise InvalidParameter("The query string is not percent-encoded UTF-8.") from None
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise InvalidParameter(f"`{name}` is given twice.", parameter=name)
        given[name] = value
    return given


def _window(
    operation: Operation[Any, ..., Any], given: dict[str, str], permissions: frozenset[str], version: int
) -> ListQuery:
    args: dict[str, Any] = {
        "sort": given.pop("sort", None),
        "total": _include(given.pop("include", None)),
        "after": given.pop("cursor", None),
    }
    args["before"] = given.pop("before", None)
    numbers = {n: given.pop(n) for n in ("page", "page_size") if n in given} if version == 1 else {}
    size = given.pop("limit", None)
    if numbers:
        if size is not None:
            raise InvalidParameter("Give `page` and `page_size`, or `limit` and a cursor.", parameter="limit")
        args |= {"page": numbers.get("page", "1"), "first": numbers.get("page_size")}
    # A page before a mark is the one that ends there; with both marks it begins behind the first.
    elif args["before"] is not None and args["after"] is None:
        args["last"] = size
    else:
        args["first"] = size
    try:
        return parse_list_query(
            operation.resource, args | {"filter": given}, permissions, allow_page_number=True, strict=False
        )
    except InvalidParameter as problem:
        if problem.parameter in given:
            raise  # called as here, also where a Window knows an argument of that name
        raise with_rest_names(problem, {**REST_NAMES, "first": "page_size"} if numbers else REST_NAMES) from None


def with_rest_names(problem: InvalidParameter, names: Mapping[str, str] = REST_NAMES) -> InvalidParameter:
    """The problem with the window's arguments in REST's spelling."""
    name = names.get(problem.parameter or "")
    return problem if name is None else problem.rename_parameter(name, names)


def _include(given: str | None) -> bool:
    if given not in (None, "total"):
        raise InvalidParameter(f"`include` is `{given}`; allowed: total.", parameter="include")
    return given == "total"


def _switch(name: str, given: str) -> bool:
    if given not in ("true", "false"):
        raise InvalidParameter(f"`{name}` is `{given}`; allowed: true, false.", parameter=name)
    return given == "true"
