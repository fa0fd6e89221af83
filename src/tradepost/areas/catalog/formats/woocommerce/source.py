"""What of a WooCommerce row has no home in the model, by the columns' own names.

A row of a product is kept in the product's `source`, a row of a variation in the variant's. Of a simple product, which is one row for both, the
columns that a variation may have too (`of_variant`) are the variant's. Left out is what a member tells whole, and what the exporter writes
where nothing was set: an export writes these again.
"""

from collections.abc import Container, Mapping

from ..csv_file import Row
from ..row_reader import JsonObject, RowReader
from . import columns as col

# What the exporter writes where nothing was set, for a product and for a variation.
UNSET_PRODUCT_CELLS: Mapping[str, str] = {
    col.VISIBILITY: "visible", col.TAX_STATUS: "taxable", col.IN_STOCK: "1", col.BACKORDERS: "0", col.POSITION: "0",
    "is featured?": "0", "sold individually?": "0", "allow customer reviews?": "1",
}  # fmt: skip
UNSET_VARIATION_CELLS = {**UNSET_PRODUCT_CELLS, "allow customer reviews?": "0"}


def product_source(row: Row, told: Container[str], reading: RowReader, *, whole: bool) -> JsonObject | None:
    """What a product's row says beyond the members that tell some columns; `whole` also keeps what speaks of a variant, because it has none."""
    return (
        reading.by_column_name(
            {
                c: cell
                for c, cell in _untold(row, told, UNSET_PRODUCT_CELLS, reading).items()
                if whole or not col.is_variant_column(c)
            }
        )
        or None
    )


def simple_product_source(row: Row, told: Container[str], reading: RowReader) -> JsonObject | None:
    """What the row of a simple product says of its only variant."""
    return (
        reading.by_column_name(
            {
                c: cell
                for c, cell in _untold(row, told, UNSET_PRODUCT_CELLS, reading).items()
                if col.is_variant_column(c)
            }
        )
        or None
    )


def variation_source(row: Row, told: Container[str], reading: RowReader) -> JsonObject | None:
    """What a variation's row says."""
    return reading.by_column_name(_untold(row, told, UNSET_VARIATION_CELLS, reading)) or None


def _untold(row: Row, told: Container[str], unset: Mapping[str, str], reading: RowReader) -> dict[str, str]:
    """The cells that no member tells, also because it could not hold them whole."""
    lost = {column for line, column, _ in reading.preserved if line == row.line}
    return {c: cell for c, cell in row.cells.items() if c in lost or (c not in told and unset.get(c) != cell)}
