"""WooCommerce's attributes. Those that variations differ in are options, all others say something of the product."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ..csv_file import Row
from ..row_reader import Plain, Reading
from .cells import listed, named
from .columns import Attribute, columns_of

LONGEST_OPTION, LONGEST_CHOICE, LONGEST_VALUE = 60, 200, 5000


class Given(Struct, frozen=True):
    """An attribute as one row tells it."""

    name: str
    values: list[str]
    columns: Attribute


def attributes_of(row: Row, reading: Reading, longest: int = LONGEST_VALUE) -> dict[str, Given]:
    """The attributes of a row by the form in which names are compared; letter case does not count."""
    found: dict[str, Given] = {}
    for columns in columns_of(reading).attributes:
        if name := reading.text(row, columns.name, LONGEST_OPTION, named(row[columns.name])):
            values = [reading.text(row, columns.values, longest, named(v)) for v in listed(row[columns.values])]
            first = found.setdefault(name.casefold(), Given(name, [], columns))
            first.values.extend(values)
    return found


def options_of(row: Row, own: Mapping[str, Given], reading: Reading) -> dict[str, str]:
    """The options of a variation, named and ordered as its product does. One without a value means any, and is left out."""
    given = attributes_of(row, reading, LONGEST_CHOICE)
    order = {key: at for at, key in enumerate(own)}
    options: dict[str, str] = {}
    for key in sorted(given, key=lambda k: order.get(k, len(order))):
        if len(given[key].values) > 1:
            reading.mend(
                row, given[key].columns.values, "names several values where a variation has one; the first is taken."
            )
        if given[key].values:
            options[(own.get(key) or given[key]).name] = given[key].values[0]
    return options


def plain_of(own: Mapping[str, Given], options: Sequence[str], others: Plain) -> Plain:
    """The attributes that are no options, with `others` that the model knows by names of its own."""
    found: Plain = {}
    for given in own.values():
        if given.values and given.name not in options:
            name = f"{given.name} (attribute)" if given.name in others else given.name
            found[name] = given.values[0] if len(given.values) == 1 else given.values
    return found | others


def told_by_variation(
    row: Row, options: Mapping[str, str], own: Mapping[str, Given], head: Row, reading: Reading
) -> set[str]:
    """The attribute columns of a variation that its options tell, or its product's columns."""
    told: set[str] = set()
    for columns in columns_of(reading).attributes:
        name, values = named(row[columns.name]), listed(row[columns.values])
        same = own.get(name.casefold())
        if not name or (values and (len(values) > 1 or named(values[0]) not in options.values())):
            continue
        if values or same:
            told |= {columns.name, columns.values}
        if same and head[same.columns.shared] == row[columns.shared]:
            told.add(columns.shared)
    return told


def told_by_product(own: Mapping[str, Given], options: Sequence[str]) -> set[str]:
    """The attribute columns of a product that its attributes tell. Of options all stays: which values there are, and in which order."""
    return {g.columns.values for g in own.values() if g.values and g.name not in options}
