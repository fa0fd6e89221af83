"""The columns of an embedded value in a table: one for each leaf, named after its path."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..schema.struct_fields import Member
from .resource import EmbeddedValue, Resource


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
        """Return what a value has for the leaf; None if the value or one of the path is None."""
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


def resource_columns(resource: Resource[Any]) -> dict[str, list[LeafColumn]]:
    """Return the columns of each embedded value of a resource, by the name of its member."""
    prefixes = resource.column_prefixes
    return {
        name: list(leaf_columns(value, prefixes.get(name, name)))
        for name, value in resource.members.items()
        if isinstance(value, EmbeddedValue) and not value.is_list
    }


def null_column(value: EmbeddedValue, name: str) -> str:
    """Return the column that is null if the value is null: its first leaf that cannot be.

    Leaves of JSON are chosen last, because the column is read whenever the value is selected.
    """
    leaves = [leaf for leaf in leaf_columns(value, name) if not leaf.nullable]
    if not leaves:
        raise TypeError(f"`{name}` can be null, but so can all members of {value.name}: null would be ambiguous")
    return min(leaves, key=_is_json).name


def _is_json(leaf: LeafColumn) -> bool:
    return isinstance(leaf.member, EmbeddedValue) or leaf.member.kind in ("list", "json")


def check_columns(resource: Resource[Any]) -> None:
    """Raise TypeError if a value of a resource lacks a column, or shares one by its name only.

    A value that can be null also needs a column that is null only then.
    """
    for name, member in resource.members.items():
        if isinstance(member, EmbeddedValue):
            _check_columns(resource, member, resource.column_prefixes.get(name, name))
    counts = Counter([leaf.name for leaves in resource_columns(resource).values() for leaf in leaves])
    if clashes := [name for name, count in counts.items() if count > 1 or name in resource.members]:
        raise TypeError(f"{resource.name}: two members have the column `{clashes[0]}`; give one a column prefix")


def _check_columns(resource: Resource[Any], value: EmbeddedValue, name: str) -> None:
    if value.is_list:
        _check_column(resource, name)
        return
    if value.null:
        null_column(value, name)
    for key, member in value.members.items():
        if isinstance(member, EmbeddedValue):
            _check_columns(resource, member, f"{name}_{key}")
        else:
            _check_column(resource, f"{name}_{key}")


def _check_column(resource: Resource[Any], name: str) -> None:
    if name not in resource.table.c and name not in resource.expressions:
        raise TypeError(f"{resource.name} has neither a column nor an expression `{name}`")
