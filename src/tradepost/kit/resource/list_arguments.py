"""From a door's arguments to a Window: names and values are checked here, once for both doors."""

import enum
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from ..problems import InvalidParameter
from .filters import Filter
from .list_query import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, ListQuery
from .resource import Resource

ARGUMENTS = ("first", "after", "last", "before", "filter", "sort", "total")


def parse_list_query(
    of: Resource[Any],
    given: Mapping[str, Any],
    permissions: frozenset[str],
    *,
    paged: bool = True,
    allow_page_number: bool = False,
    strict: bool = True,
) -> ListQuery:
    """The window that some arguments mean, or 400 naming the argument and what is allowed.

    Bounded lists (`paged=False`) know `first`, `filter` and `sort`; only `numbered` ones are read by page number. `strict=False` reads numbers
    and Booleans from text, as a query string brings them.
    """
    args = {k: v for k, v in given.items() if v is not None}
    _check_names(args, paged, allow_page_number)
    first, last = _count(args, "first"), _count(args, "last")
    page, before, after = _count(args, "page", 2**31), args.get("before"), args.get("after")
    if before is not None and after is None and first is None and last is None:
        last = DEFAULT_PAGE_SIZE
    filters = parse_filter(of, args.get("filter") or {}, permissions, strict)
    return ListQuery(
        first=first, last=last, after=after, before=before, page=page, filter=filters,
        sort=parse_sort(of, args.get("sort"), permissions, {n for n, _ in filters}), total=bool(args.get("total")),
    )  # fmt: skip


def _check_names(args: Mapping[str, Any], paged: bool, numbered: bool) -> None:
    allowed = (*ARGUMENTS, *(("page",) if numbered else ())) if paged else ("first", "filter", "sort")
    for name in args:
        if name not in allowed:
            raise InvalidParameter(f"`{name}` is not an argument here.", parameter=name, allowed=allowed)
    if "first" in args and "last" in args:
        raise InvalidParameter("`first` and `last` are given; give one of them.", parameter="last")
    if "page" in args and ("after" in args or "before" in args):
        raise InvalidParameter("`page` and `cursor` are given; give one of them.", parameter="page")
    for name in ("after", "before"):
        if not isinstance(args.get(name, ""), str):
            raise InvalidParameter(f"`{name}` is a cursor, a text.", parameter=name)
    if not isinstance(args.get("total", False), bool):
        raise InvalidParameter("`total` is true or false.", parameter="total")


def _count(args: Mapping[str, Any], name: str, most: int = MAX_PAGE_SIZE) -> int | None:
    value = args.get(name)
    if value is None:
        return None
    if type(value) is str and value.isascii() and value.isdecimal() and len(value) < 12:
        value = int(value)
    if type(value) is not int or not 1 <= value <= most:
        raise InvalidParameter(f"`{name}` is `{value}`; allowed: a whole number from 1 to {most}.", parameter=name)
    return value


def parse_sort(of: Resource[Any], given: Any, permissions: frozenset[str], filters: set[str]) -> tuple[str, ...]:
    """The sort keys: a text of names with commas, or a list of names; `-` before a name turns it round."""
    if not isinstance(given, str | list | tuple | None):
        raise InvalidParameter("`sort` is a text such as `-created_at,name`.", parameter="sort")
    said = given.split(",") if isinstance(given, str) else cast(Sequence[Any], given or ())
    keys = tuple([str(k).strip() for k in said])
    seen: set[str] = set()
    for key in keys:
        name = key.removeprefix("-")
        sort = of.sorts.get(name)
        if sort is None or name in seen or not sort.access.allows(permissions):
            allowed = [n for n, s in of.sorts.items() if s.access.allows(permissions)]
            fault = "is given twice" if name in seen else "cannot be sorted by"
            raise InvalidParameter(
                f"`{key}` {fault}; `-` before a name sorts descending.", parameter="sort", allowed=allowed
            )
        if sort.required_filter is not None and sort.required_filter not in filters:
            raise InvalidParameter(
                f"`{key}` can be sorted by only together with `{sort.required_filter}`.", parameter="sort"
            )
        seen.add(name)
    return keys


def parse_filter(
    of: Resource[Any], given: object, permissions: frozenset[str], strict: bool
) -> tuple[tuple[str, Any], ...]:
    """The given filters, converted and in name order."""
    if not isinstance(given, Mapping):
        raise InvalidParameter("`filter` is an object such as `{status: active}`.", parameter="filter")
    values = cast(Mapping[str, Any], given)
    out: list[tuple[str, Any]] = []
    for name in sorted(values):
        known = of.filters.get(name)
        if known is None or not known.access.allows(permissions):
            allowed = [n for n, f in of.filters.items() if f.access.allows(permissions)]
            raise InvalidParameter(f"`{name}` is no parameter or filter here.", parameter=name, allowed=allowed)
        if values[name] is not None:
            out.append((name, _value(name, known, values[name], strict)))
    return tuple(out)


def _value(name: str, known: Filter, given: Any, strict: bool) -> Any:
    try:
        # A time is text on both doors; leniently read, `1700000000` would be one too.
        value = msgspec.convert(given, known.type, strict=strict or known.type is datetime)
    except msgspec.ValidationError as fault:
        allowed = (
            [str(m.value) for m in known.type]
            if isinstance(known.type, type) and issubclass(known.type, enum.Enum)
            else []
        )
        raise InvalidParameter(f"`{name}` is `{given}`: {fault}.", parameter=name, allowed=allowed) from None
    if isinstance(value, str) and "\x00" in value:
        raise InvalidParameter(f"`{name}` holds a NUL character.", parameter=name)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InvalidParameter(f"`{name}` does not fit into 64 bits.", parameter=name)
    if isinstance(value, datetime):
        return _moment(name, value)
    if isinstance(value, str):
        value = unicodedata.normalize("NFC", value)  # as all text of the shop is kept
    if known.convert is not None:
        return known.convert(value)
    return value.value if isinstance(value, enum.Enum) else value


def _moment(name: str, value: datetime) -> datetime:
    """The time in UTC, which has to say its offset and to have a year from 1 to 9999 there too."""
    try:
        if value.tzinfo is not None:
            return value.astimezone(UTC)
    except OverflowError:
        pass
    raise InvalidParameter(f"`{name}` is a time with its offset, such as `2026-01-31T12:00:00Z`.", parameter=name)
