"""The filters and sort keys of a list."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BindParameter, ColumnElement, bindparam
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from ..auth.access import ANYONE, Access
from ..problems import InvalidParameter
from ..quoting import quote
from ..text.words import MAX_WORDS, words

type Condition = Callable[[Callable[..., BindParameter[Any]]], ColumnElement[bool]]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """A filter: the type of its value on the wire, and the SQL condition it stands for.

    where: takes a function that binds the value with a column type: `bind(type)`, or
        `bind(type, "suffix")` if the condition needs a second bind of another type.
    bounded: the filter is on a unique column, so it leaves few rows and is always fast.
    convert: turns the decoded value into the value that is bound.
    """

    type: Any
    where: Condition
    bounded: bool = False
    access: Access = ANYONE
    doc: str = ""
    convert: Callable[[Any], Any] | None = None


class Sort(msgspec.Struct, frozen=True, kw_only=True):
    """A sort key: a NOT NULL expression.

    descending_expression: used instead for descending order, so that rows without a value come
        last in both directions.
    required_filter: the filter that must be given too; `expression` is then a function that
        takes the binds of its value.
    tie_breakers: the sort keys applied after this one.
    """

    expression: (
        ColumnElement[Any]
        | InstrumentedAttribute[Any]
        | Callable[[Callable[..., BindParameter[Any]]], ColumnElement[Any]]
    )
    descending_expression: ColumnElement[Any] | None = None
    required_filter: str | None = None
    tie_breakers: tuple[str, ...] = ()
    access: Access = ANYONE


def binder(name: str) -> Callable[..., BindParameter[Any]]:
    """Return the function that binds a filter's value. Binds of several types differ after `~`."""

    def bind(type: TypeEngine[Any] | type[TypeEngine[Any]], suffix: str = "") -> BindParameter[Any]:
        return bindparam(f"filter.{name}~{suffix}", None, type_=type)

    return bind


def equality_filter(
    column: InstrumentedAttribute[Any], type: Any = str, *, doc: str = "", bounded: bool = False
) -> Filter:
    """`?name=value`. An id is of the type UUID, and is bound as text."""
    convert = str if type is UUID else None
    return Filter(type=type, where=lambda bind: column == bind(column.type), doc=doc, bounded=bounded, convert=convert)


def range_filters(name: str, column: Any, type: Any = int) -> dict[str, Filter]:
    """`?name_gte=`, `_gt`, `_lte`, `_lt`."""
    comparisons = {
        "gte": ("__ge__", "At least"),
        "gt": ("__gt__", "More than"),
        "lte": ("__le__", "At most"),
        "lt": ("__lt__", "Less than"),
    }

    def comparison(method: str, text: str) -> Filter:
        return Filter(type=type, where=lambda bind: getattr(column, method)(bind(column.type)), doc=f"{text} this.")

    return {f"{name}_{suffix}": comparison(method, text) for suffix, (method, text) in comparisons.items()}


def search_filter(where: Condition, *, doc: str) -> Filter:
    """`?q=text`: every word must be the beginning of a word of the row."""
    return Filter(type=str, where=where, convert=search_words, doc=doc)


def search_words(text: str) -> tuple[str, ...]:
    """Return the words of a search text, or raise 400 if there are none or too many."""
    terms = words(text)
    if not terms:
        raise InvalidParameter(
            f"`q` is {quote(text)}, which has no words; give at least one letter or digit.", parameter="q"
        )
    if len(terms) > MAX_WORDS:
        raise InvalidParameter(f"`q` has {len(terms)} words; at most {MAX_WORDS} are allowed.", parameter="q")
    return terms
