"""Builds a Record from a plain Struct, with the renderer that table rows have."""

from typing import Any

import msgspec

from ..resource.resource import Result
from ..resource.selection import Field, FieldSet, Selection
from .plan import Level, Plan
from .records import Record
from .value_layout import STRUCT, ValueLayout


def value_record[S: msgspec.Struct](result: Result[S], value: S, selection: Selection[S]) -> Record[S]:
    """Return a record of the value's selected members."""
    field_set: FieldSet = selection.field_set
    builder: ValueRowBuilder | None = field_set.memo.get(result)
    if builder is None:
        builder = field_set.memoize(result, ValueRowBuilder(result, field_set.fields))
    return Record(builder.plan.record_builder(field_set)(builder.layout.row(value), []))


class ValueRowBuilder:
    """Lays out the selected members of a Struct as a row.

    plan: a plan without statements that holds the row's layout.
    """

    def __init__(self, result: Result[Any], fields: tuple[Field, ...]) -> None:
        self.layout = ValueLayout(result.members, fields, STRUCT)
        level = Level(0, result, None)
        level.nodes = self.layout.nodes
        self.plan = Plan([level], "", id_index=0)
