"""WooCommerce's attributes. Those in which variations differ become options of the variants."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ..csv_file import Row
from ..row_reader import JsonObject, RowReader
from .cells import decode_entities, split_list
from .columns import AttributeColumns, columns_of

MAX_NAME_LENGTH, MAX_OPTION_LENGTH, MAX_VALUE_LENGTH = 60, 200, 5000


class AttributeValues(Struct, frozen=True):
    """An attribute in one row."""

    name: str
    values: list[str]
    columns: AttributeColumns


def read_attributes(row: Row, reader: RowReader, max_length: int = MAX_VALUE_LENGTH) -> dict[str, AttributeValues]:
    """Return the attributes of a row by casefolded name."""
    attributes: dict[str, AttributeValues] = {}
    for columns in columns_of(reader).attributes:
        if name := reader.text(row, columns.name, MAX_NAME_LENGTH, decode_entities(row[columns.name])):
            values = [
                reader.text(row, columns.values, max_length, decode_entities(value))
                for value in split_list(row[columns.values])
            ]
            attribute = attributes.setdefault(name.casefold(), AttributeValues(name, [], columns))
            attribute.values.extend(values)
    return attributes


def read_options(row: Row, product_attributes: Mapping[str, AttributeValues], reader: RowReader) -> dict[str, str]:
    """Return the options of a variation, with the names and in the order of its product.

    An attribute without a value means any value, and is left out.
    """
    attributes = read_attributes(row, reader, MAX_OPTION_LENGTH)
    order = {key: index for index, key in enumerate(product_attributes)}
    options: dict[str, str] = {}
    for key in sorted(attributes, key=lambda k: order.get(k, len(order))):
        attribute = attributes[key]
        if len(attribute.values) > 1:
            message = "Several values where a variation has one; only the first was used."
            reader.repair(row, attribute.columns.values, message)
        if attribute.values:
            options[(product_attributes.get(key) or attribute).name] = attribute.values[0]
    return options


def non_option_attributes(
    attributes: Mapping[str, AttributeValues], options: Sequence[str], named: JsonObject
) -> JsonObject:
    """Return the attributes that are not options.

    `named` are those whose names are ours; they win, and the others get the suffix ` (attribute)`.
    """
    members: JsonObject = {}
    for attribute in attributes.values():
        if attribute.values and attribute.name not in options:
            name = f"{attribute.name} (attribute)" if attribute.name in named else attribute.name
            members[name] = attribute.values[0] if len(attribute.values) == 1 else attribute.values
    return members | named


def consumed_by_variation(
    row: Row,
    options: Mapping[str, str],
    product_attributes: Mapping[str, AttributeValues],
    head: Row,
    reader: RowReader,
) -> set[str]:
    """Return the attribute columns of a variation that its options or its product represent."""
    consumed: set[str] = set()
    for columns in columns_of(reader).attributes:
        name, values = decode_entities(row[columns.name]), split_list(row[columns.values])
        product_attribute = product_attributes.get(name.casefold())
        if not name or (values and (len(values) > 1 or decode_entities(values[0]) not in options.values())):
            continue
        if values or product_attribute:
            consumed |= {columns.name, columns.values}
        if product_attribute and head[product_attribute.columns.is_global] == row[columns.is_global]:
            consumed.add(columns.is_global)
    return consumed


def consumed_by_product(attributes: Mapping[str, AttributeValues], options: Sequence[str]) -> set[str]:
    """Return the attribute columns of a product that its attributes represent.

    Columns of options are not among them: they list all values in their order.
    """
    return {a.columns.values for a in attributes.values() if a.values and a.name not in options}
