"""The columns of an embedded value in a table: one for each leaf, named after the way to it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..schema.struct_fields import Member
from .resource import EmbeddedValue


class LeafColumn(NamedTuple):
    """A leaf of a value: its column, the names of the members that lead to it, and the leaf.

    member: a list of values is an EmbeddedValue, in a column of JSON.
    nullable: whether it, or a value inside that it is in, can be null.
    """

    name: str
    path: tuple[str, ...]
    member: EmbeddedValue | Member
    nullable: bool

    def get(self, value: Any) -> Any:
        """Return what a value has for the leaf; None if the value or one on the way is None."""
        for name in self.path:
            value = getattr(value, name, None)
        return value


def leaf_columns(value: EmbeddedValue, name: str) -> Iterator[LeafColumn]:
    """Yield the columns of a value whose member is called `name`: `price` has `price_amount`."""
    yield from _leaf_columns(value, name, (), False)


def _leaf_columns(value: EmbeddedValue, name: str, path: tuple[str, ...], nullable: bool) -> Iterator[LeafColumn]:
    for key, member in value.members.items():
        column, inner_path, inner_nullable = f"{name}_{key}", (*path, key), nullable or member.null
        if isinstance(member, EmbeddedValue) and not member.is_list:
            yield from _leaf_columns(member, column, inner_path, inner_nullable)
        else:
            yield LeafColumn(column, inner_path, member, inner_nullable)


def null_column(value: EmbeddedValue, name: str) -> str:
    """Return the column that is null if the value is null: its first leaf that cannot be."""
    column = next((leaf.name for leaf in leaf_columns(value, name) if not leaf.nullable), None)
    if column is None:
        raise TypeError(f"`{name}` can be null, but so can all members of {value.name}: null would be ambiguous")
    return column
