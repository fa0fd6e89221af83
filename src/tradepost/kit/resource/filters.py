"""Names that a list may be filtered and sorted by."""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import BindParameter, ColumnElement, bindparam
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from ..auth.access import ANYONE, Access
from ..problems import InvalidParameter
from ..text.words import MAX_WORDS, words

type Condition = Callable[[Callable[..., BindParameter[Any]]], ColumnElement[bool]]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """One filter: the type of its value on the wire, and the condition that it stands for.

    `where` gets a function that makes binds of the value, by column type: `bind(type)`, or `bind(type, "name")` for a second one of
    another type. `bounded` says that it leaves so few rows that finding them never takes long: a unique column.
    """

    type: Any
    where: Condition
    bounded: bool = False
    access: Access = ANYONE
    doc: str = ""
    convert: Callable[[Any], Any] | None = None


class Sort(msgspec.Struct, frozen=True, kw_only=True):
    """One sort key: a NOT NULL expression; `down` is another for descending, where rows without a value come last both ways.

    Where it `needs` a filter, `by` gets the binds of that filter's value; `then` are the keys behind it.
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
    """Makes the binds of one filter's value; what stands behind `~` tells binds of several types apart."""

    def bind(type: TypeEngine[Any] | type[TypeEngine[Any]], which: str = "") -> BindParameter[Any]:
        return bindparam(f"filter.{name}~{which}", None, type_=type)

    return bind


def equality_filter(
    column: InstrumentedAttribute[Any], type: Any = str, *, doc: str = "", bounded: bool = False
) -> Filter:
    """`?name=value`."""
    return Filter(type=type, where=lambda bind: column == bind(column.type), doc=doc, bounded=bounded)


def range_filters(name: str, column: Any, type: Any = int) -> dict[str, Filter]:
    """`?name_gte=`, `_gt`, `_lte`, `_lt`."""
    said = {
        "gte": ("__ge__", "At least"),
        "gt": ("__gt__", "More than"),
        "lte": ("__le__", "At most"),
        "lt": ("__lt__", "Less than"),
    }

    def made(method: str, text: str) -> Filter:
        return Filter(type=type, where=lambda bind: getattr(column, method)(bind(column.type)), doc=f"{text} this.")

    return {f"{name}_{suffix}": made(method, text) for suffix, (method, text) in said.items()}


def search_filter(where: Condition, *, doc: str) -> Filter:
    """`?q=text`: every word must begin a word of the row."""
    return Filter(type=str, where=where, convert=search_words, doc=doc)


def search_words(text: str) -> tuple[str, ...]:
    """The words of a search; 400 where there are none or too many."""
    found = words(text)
    if not found:
        raise InvalidParameter(
            f"`q` is `{text}`, which has no words in it; give at least one letter or digit.", parameter="q"
        )
    if len(found) > MAX_WORDS:
        raise InvalidParameter(f"`q` has {len(found)} words; at most {MAX_WORDS} are allowed.", parameter="q")
    return found
