"""The cells of a Shopify row that no member of the record represents, for `source`."""

from collections.abc import Sequence

from .csv_file import Row
from .row_reader import JsonObject, RowReader
from .shopify_columns import (
    CONSUMED_PRODUCT_COLUMNS,
    CONSUMED_VARIANT_COLUMNS,
    GIFT,
    IMAGE_COLUMNS,
    POLICY,
    PUBLISHED,
    SHIPPING,
    SKU,
    STATUS,
    TAGS,
    TRACKER,
    USUAL_CELLS,
    is_variant_column,
)


def variant_source(row: Row, is_given_sku: bool, reader: RowReader) -> JsonObject:
    """Return the cells of a variant that no member represents, by their column's name."""
    cells = {
        column: cell
        for column, cell in row.cells.items()
        if column not in CONSUMED_VARIANT_COLUMNS
        and column not in CONSUMED_PRODUCT_COLUMNS
        and is_variant_column(column)
        and not _is_usual_variant_cell(column, cell)
    }
    if not is_given_sku and (replaced_sku := row.first(*SKU)):
        cells[reader.find_column(SKU)] = replaced_sku
    return reader.by_column_name(cells)


def _is_usual_variant_cell(column: str, cell: str) -> bool:
    """Whether a variant's member represents the cell, or it is the usual one."""
    return (
        cell.casefold() == USUAL_CELLS.get(column)
        or (column in TRACKER and cell == "shopify")
        or (column in POLICY and cell in ("deny", "continue"))
        or (column in SHIPPING and cell.casefold() in ("true", "false"))
    )


def _is_usual_product_cell(column: str, cell: str, status: str, tags: Sequence[str]) -> bool:
    """Whether the product's status, tags or attributes represent the cell."""
    if column in PUBLISHED:
        return cell == ("true" if status == "active" else "false")
    return cell == {STATUS: status, TAGS: ", ".join(tags)}.get(column) or (column == GIFT and cell in ("true", "false"))


def product_source(
    head: Row, rows: Sequence[Row], variant_rows: Sequence[Row], status: str, tags: Sequence[str], reader: RowReader
) -> JsonObject:
    """Return the cells that no member represents, by their column's name.

    A cell of a later row that differs from the first row is kept as `Column (row 3)`.
    """
    cells = {
        column: cell
        for column, cell in head.cells.items()
        if column not in CONSUMED_VARIANT_COLUMNS
        and column not in CONSUMED_PRODUCT_COLUMNS
        and (not is_variant_column(column) or head not in variant_rows)
        and not _is_usual_product_cell(column, cell.casefold(), status, tags)
    }
    source = reader.by_column_name(cells)
    for number, row in enumerate(rows, 1):
        for column, cell in row.cells.items():
            if (
                column in CONSUMED_VARIANT_COLUMNS
                or column in IMAGE_COLUMNS
                or cell == head[column]
                or (is_variant_column(column) and row in variant_rows)
            ):
                continue
            source[f"{reader.column_names[column]} (row {number})"] = cell
    return source
