"""The cells of a WooCommerce row that no member of the record represents, for `source`.

The row of a product goes to the product's `source`, that of a variation to the variant's. The row
of a simple product is both: its variant columns (`is_variant_column`) go to the variant. Left out
are columns that a member fully represents, and cells that the exporter writes for unset values:
an export writes these again.
"""

from collections.abc import Container, Mapping

from ..csv_file import Row
from ..row_reader import JsonObject, RowReader
from . import columns as col

# What the exporter writes for unset values, of a product and of a variation.
UNSET_PRODUCT_CELLS: Mapping[str, str] = {
    col.VISIBILITY: "visible",
    col.TAX_STATUS: "taxable",
    col.IN_STOCK: "1",
    col.BACKORDERS: "0",
    col.POSITION: "0",
    "is featured?": "0",
    "sold individually?": "0",
    "allow customer reviews?": "1",
}
UNSET_VARIATION_CELLS = {**UNSET_PRODUCT_CELLS, "allow customer reviews?": "0"}


def product_source(
    row: Row, consumed: Container[str], reader: RowReader, *, with_variant_columns: bool
) -> JsonObject | None:
    """Return the `source` of a product, with variant columns if it has no simple variant."""
    cells = _unconsumed(row, consumed, UNSET_PRODUCT_CELLS, reader)
    if not with_variant_columns:
        cells = {column: cell for column, cell in cells.items() if not col.is_variant_column(column)}
    return reader.by_column_name(cells) or None


def simple_product_source(row: Row, consumed: Container[str], reader: RowReader) -> JsonObject | None:
    """Return the `source` of the only variant of a simple product."""
    cells = _unconsumed(row, consumed, UNSET_PRODUCT_CELLS, reader)
    return reader.by_column_name({c: cell for c, cell in cells.items() if col.is_variant_column(c)}) or None


def variation_source(row: Row, consumed: Container[str], reader: RowReader) -> JsonObject | None:
    """Return the `source` of a variation."""
    return reader.by_column_name(_unconsumed(row, consumed, UNSET_VARIATION_CELLS, reader)) or None


def _unconsumed(row: Row, consumed: Container[str], unset: Mapping[str, str], reader: RowReader) -> dict[str, str]:
    """Return the cells that no member represents, including those that one could not hold whole."""
    preserved = {column for line, column, _ in reader.preserved if line == row.line}
    return {
        column: cell
        for column, cell in row.cells.items()
        if column in preserved or (column not in consumed and unset.get(column) != cell)
    }
