"""WooCommerce's attributes. Those that variations differ in are options, all others say something of the product."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ..csv_file import Row
from ..row_reader import JsonObject, RowReader
from .cells import decode_entities, split_list
from .columns import AttributeColumns, columns_of

LONGEST_OPTION, LONGEST_CHOICE, LONGEST_VALUE = 60, 200, 5000


class AttributeValues(Struct, frozen=True):
    """An attribute as one row tells it."""

    name: str
    values: list[str]
    columns: AttributeColumns


def read_attributes(row: Row, reading: RowReader, longest: int = LONGEST_VALUE) -> dict[str, AttributeValues]:
    """The attributes of a row by the form in which names are compared; letter case does not count."""
    found: dict[str, AttributeValues] = {}
    for columns in columns_of(reading).attributes:
        if name := reading.text(row, columns.name, LONGEST_OPTION, decode_entities(row[columns.name])):
            values = [
                reading.text(row, columns.values, longest, decode_entities(v)) for v in split_list(row[columns.values])
            ]
            first = found.setdefault(name.casefold(), AttributeValues(name, [], columns))
            first.values.extend(values)
    return found


def read_options(row: Row, own: Mapping[str, AttributeValues], reading: RowReader) -> dict[str, str]:
    """The options of a variation, named and ordered as its product does. One without a value means any, and is left out."""
    given = read_attributes(row, reading, LONGEST_CHOICE)
    order = {key: at for at, key in enumerate(own)}
    options: dict[str, str] = {}
    for key in sorted(given, key=lambda k: order.get(k, len(order))):
        if len(given[key].values) > 1:
            reading.repair(
                row, given[key].columns.values, "names several values where a variation has one; the first is taken."
            )
        if given[key].values:
            options[(own.get(key) or given[key]).name] = given[key].values[0]
    return options


def non_option_attributes(own: Mapping[str, AttributeValues], options: Sequence[str], others: JsonObject) -> JsonObject:
    """The attributes that are no options, with `others` that the model knows by names of its own."""
    found: JsonObject = {}
    for given in own.values():
        if given.values and given.name not in options:
            name = f"{given.name} (attribute)" if given.name in others else given.name
            found[name] = given.values[0] if len(given.values) == 1 else given.values
    return found | others


def consumed_by_variation(
    row: Row, options: Mapping[str, str], own: Mapping[str, AttributeValues], head: Row, reading: RowReader
) -> set[str]:
    """The attribute columns of a variation that its options tell, or its product's columns."""
    told: set[str] = set()
    for columns in columns_of(reading).attributes:
        name, values = decode_entities(row[columns.name]), split_list(row[columns.values])
        same = own.get(name.casefold())
        if not name or (values and (len(values) > 1 or decode_entities(values[0]) not in options.values())):
            continue
        if values or same:
            told |= {columns.name, columns.values}
        if same and head[same.columns.is_global] == row[columns.is_global]:
            told.add(columns.is_global)
    return told


def consumed_by_product(own: Mapping[str, AttributeValues], options: Sequence[str]) -> set[str]:
    """The attribute columns of a product that its attributes tell. Of options all stays: which values there are, and in which order."""
    return {g.columns.values for g in own.values() if g.values and g.name not in options}
