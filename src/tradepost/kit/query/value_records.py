"""Telling: from a value of a rule to a record in the caller's selection, written as the rows of a table are, though there are none."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any

import msgspec

from ..clock import to_rfc3339
from ..resource.resource import EmbeddedValue, Result
from ..resource.row_layout import Embedded, Leaf, Node, ValueList
from ..resource.selection import Field, FieldSet, Selection
from ..schema.struct_fields import Member
from .plan import Level, Plan
from .records import Record

type Take = Callable[[Any], Any]


def value_record[S: msgspec.Struct](of: Result[S], value: S, want: Selection[S]) -> Record[S]:
    """A record of a value: the asked members, in the door's rendering."""
    form: FieldSet = want.field_set
    found: ValueRowBuilder | None = form.memo.get(of)
    if found is None:
        found = form.memoize(of, ValueRowBuilder(of, form.fields))
    return Record(found.plan.record_builder(form)([take(value) for take in found.takes], []))


class ValueRowBuilder:
    """How the members of a value come into the places of a row, and the plan that says where they stand."""

    def __init__(self, of: Result[Any], fields: tuple[Field, ...]) -> None:
        self.takes: list[Take] = []
        level = Level(0, of, None)
        level.nodes = tuple([self.node(of.members[f.name], f, f.name) for f in fields])
        self.plan = Plan([level], "", id_index=0)

    def node(self, own: EmbeddedValue | Member, field: Field, path: str) -> Node:
        """A member, an embedded value with some of its own, or a list of such values."""
        take = attrgetter(path)
        if not isinstance(own, EmbeddedValue):
            return Leaf(self.place(lambda value: _plain(take(value))), own)
        if own.is_list:
            each = [attrgetter(f.name) for f in field.subfields]
            rows: Take = lambda value: (
                None if (held := take(value)) is None else [[_plain(get(one)) for get in each] for one in held]
            )  # noqa: E731
            return ValueList(
                self.place(rows), tuple([Leaf(i, own.members[f.name]) for i, f in enumerate(field.subfields)])
            )
        null = self.place(take) if own.null else None
        return Embedded(
            null, tuple([Leaf(self.place(_within(path, f.name)), own.members[f.name]) for f in field.subfields])
        )

    def place(self, take: Take) -> int:
        """A new place in the row."""
        self.takes.append(take)
        return len(self.takes) - 1


def _within(path: str, name: str) -> Take:
    """A member of an embedded value, which may be absent."""
    outer, inner = attrgetter(path), attrgetter(name)
    return lambda value: None if (held := outer(value)) is None else _plain(inner(held))


def _plain(value: Any) -> Any:
    """A value as the rows of a table bring it, and a time as the wire shows it."""
    if isinstance(value, datetime):
        return to_rfc3339(value)
    return value.value if isinstance(value, Enum) else value
