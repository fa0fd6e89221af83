"""Turn a door's list arguments into a ListQuery, checking names and values once for both doors."""

import enum
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from inspect import isclass
from typing import Any, cast
from uuid import UUID

import msgspec

from ..problems import InvalidParameter
from ..quoting import quote
from ..schema.numbers import parse_whole_number, whole_number
from .filters import Filter
from .list_query import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, MAX_TEXT_LENGTH, ListQuery
from .resource import Resource

TYPE_NAMES: Mapping[Any, str] = {
    bool: "`true` or `false`",
    int: "a whole number",
    float: "a number",
    str: "a string",
    UUID: "an id",
    datetime: "a time with its offset, such as `2026-01-31T12:00:00Z`",
}
ARGUMENTS = ("first", "after", "last", "before", "filter", "sort", "total")


def parse_list_query(
    resource: Resource[Any],
    arguments: Mapping[str, Any],
    permissions: frozenset[str],
    *,
    paged: bool = True,
    allow_page_number: bool = False,
    strict: bool = True,
) -> ListQuery:
    """Return the ListQuery of some arguments, or raise 400 naming the argument and what is allowed.

    paged: False for bounded lists, which take only `first`, `filter` and `sort`.
    strict: False to convert numbers and Booleans from text, as a query string has them.
    """
    args = {k: v for k, v in arguments.items() if v is not None}
    _check_names(args, paged, allow_page_number)
    first, last = _positive_int(args, "first"), _positive_int(args, "last")
    page, before, after = _positive_int(args, "page", 2**31), args.get("before"), args.get("after")
    if before is not None and after is None and first is None and last is None:
        last = DEFAULT_PAGE_SIZE
    filters = parse_filter(resource, args.get("filter") or {}, permissions, strict)
    return ListQuery(
        first=first,
        last=last,
        after=after,
        before=before,
        page=page,
        filter=filters,
        sort=parse_sort(resource, args.get("sort"), permissions, {n for n, _ in filters}),
        total=bool(args.get("total")),
    )


def _check_names(args: Mapping[str, Any], paged: bool, allow_page_number: bool) -> None:
    allowed = (*ARGUMENTS, *(("page",) if allow_page_number else ())) if paged else ("first", "filter", "sort")
    for name in args:
        if name not in allowed:
            raise InvalidParameter(
                f"{quote(name)} is not an argument here.", parameter=name, allowed=allowed, unknown=name
            )
    if "first" in args and "last" in args:
        raise InvalidParameter("Give either `first` or `last`, not both.", parameter="last")
    if "page" in args and ("after" in args or "before" in args):
        raise InvalidParameter("Give either `page` or `cursor`, not both.", parameter="page")
    for name in ("after", "before"):
        if not isinstance(args.get(name, ""), str):
            raise InvalidParameter(f"`{name}` must be a cursor, which is a string.", parameter=name)
        _check_length(name, args.get(name))
    if not isinstance(args.get("total", False), bool):
        raise InvalidParameter("`total` must be true or false.", parameter="total")


def _check_length(name: str, value: Any) -> None:
    if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
        raise InvalidParameter(
            f"`{name}` has {len(value)} characters; at most {MAX_TEXT_LENGTH} are allowed.", parameter=name
        )


def _positive_int(args: Mapping[str, Any], name: str, maximum: int = MAX_PAGE_SIZE) -> int | None:
    value = args.get(name)
    if value is None:
        return None
    number = parse_whole_number(value) if type(value) is str else whole_number(value)
    if type(number) is not int or not 1 <= number <= maximum:
        raise InvalidParameter(
            f"`{name}` is {quote(value)}; allowed: a whole number from 1 to {maximum}.", parameter=name
        )
    return number


def parse_sort(resource: Resource[Any], value: Any, permissions: frozenset[str], filters: set[str]) -> tuple[str, ...]:
    """Return the sort keys of a list of names or a comma-separated text; `-` means descending."""
    if not isinstance(value, str | list | tuple | None):
        raise InvalidParameter("`sort` must be a string such as `-created_at,name`.", parameter="sort")
    parts = value.split(",") if isinstance(value, str) else cast(Sequence[Any], value or ())
    keys = tuple([str(k).strip() for k in parts])
    for key in keys:
        _check_length("sort", key)
    seen: set[str] = set()
    for key in keys:
        name = key.removeprefix("-")
        sort = resource.sorts.get(name)
        if sort is None or name in seen or not sort.access.allows(permissions):
            allowed = [n for n, s in resource.sorts.items() if s.access.allows(permissions)]
            fault = "is given twice" if name in seen else "is not a sort key"
            detail = f"{quote(key)} {fault}; `-` before a name sorts descending."
            raise InvalidParameter(detail, parameter="sort", allowed=allowed, unknown="" if name in seen else name)
        if sort.required_filter is not None and sort.required_filter not in filters:
            raise InvalidParameter(f"Sorting by `{key}` requires `{sort.required_filter}`.", parameter="sort")
        seen.add(name)
    return keys


def parse_filter(
    resource: Resource[Any], argument: object, permissions: frozenset[str], strict: bool
) -> tuple[tuple[str, Any], ...]:
    """Return the filters by name, with their values converted."""
    if not isinstance(argument, Mapping):
        raise InvalidParameter("`filter` must be an object such as `{status: active}`.", parameter="filter")
    values = cast(Mapping[str, Any], argument)
    filters: list[tuple[str, Any]] = []
    for name in sorted(values):
        filter = resource.filters.get(name)
        if filter is None or not filter.access.allows(permissions):
            allowed = [n for n, f in resource.filters.items() if f.access.allows(permissions)]
            detail = f"{quote(name)} is not a parameter or filter here."
            raise InvalidParameter(detail, parameter=name, allowed=allowed, unknown=name)
        if values[name] is not None:
            filters.append((name, _convert(name, filter, values[name], strict)))
    return tuple(filters)


def _convert(name: str, filter: Filter, raw: Any, strict: bool) -> Any:
    _check_length(name, raw)
    wanted: Any = filter.type
    try:
        raw = whole_number(raw) if wanted is int else raw
        # Times are text on both doors; non-strict conversion would also accept `1700000000`.
        value = msgspec.convert(raw, wanted, strict=strict or wanted is datetime)
    except msgspec.ValidationError:
        allowed = [str(m.value) for m in wanted] if isclass(wanted) and issubclass(wanted, enum.Enum) else []
        detail = f"`{name}` is {quote(raw)}; expected: {TYPE_NAMES.get(wanted, 'one of the allowed values')}."
        raise InvalidParameter(detail, parameter=name, allowed=allowed, unknown=str(raw)) from None
    if isinstance(value, str) and "\x00" in value:
        raise InvalidParameter(f"`{name}` contains a NUL character.", parameter=name)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InvalidParameter(f"`{name}` does not fit into 64 bits.", parameter=name)
    if isinstance(value, datetime):
        return _to_utc(name, value)
    if isinstance(value, str):
        value = unicodedata.normalize("NFC", value)  # stored text is in NFC
    if filter.convert is not None:
        return filter.convert(value)
    return value.value if isinstance(value, enum.Enum) else value


def _to_utc(name: str, value: datetime) -> datetime:
    """Return the time in UTC. Raise 400 if it has no offset or its year in UTC is not 1 to 9999."""
    try:
        if value.tzinfo is not None:
            return value.astimezone(UTC)
    except OverflowError:
        pass
    raise InvalidParameter(f"`{name}` must be a time with its offset, such as `2026-01-31T12:00:00Z`.", parameter=name)
