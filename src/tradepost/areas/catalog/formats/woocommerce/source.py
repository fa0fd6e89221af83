"""What of a WooCommerce row has no home in the model, by the columns' own names.

A row of a product is kept in the product's `source`, a row of a variation in the variant's. Of a simple product, which is one row for both, the
columns that a variation may have too (`of_variant`) are the variant's. Left out is what a member tells whole, and what the exporter writes
where nothing was set: an export writes these again.
"""

from collections.abc import Container, Mapping

from ..reading import Plain, Reading
from ..sheet import Row
from . import columns as col

# What the exporter writes where nothing was set, for a product and for a variation.
UNSET: Mapping[str, str] = {
    col.VISIBILITY: "visible", col.TAX_STATUS: "taxable", col.IN_STOCK: "1", col.BACKORDERS: "0", col.POSITION: "0",
    "is featured?": "0", "sold individually?": "0", "allow customer reviews?": "1",
}  # fmt: skip
UNSET_OF_VARIATION = {**UNSET, "allow customer reviews?": "0"}


def of_product(row: Row, told: Container[str], reading: Reading, *, whole: bool) -> Plain | None:
    """What a product's row says beyond the members that tell some columns; `whole` also keeps what speaks of a variant, because it has none."""
    kept = {c: cell for c, cell in row.cells.items() if c not in told and UNSET.get(c) != cell and (whole or not col.of_variant(c))}
    return reading.named(kept) or None


def of_simple(row: Row, told: Container[str], reading: Reading) -> Plain | None:
    """What the row of a simple product says of its only variant."""
    return reading.named({c: cell for c, cell in row.cells.items() if c not in told and UNSET.get(c) != cell and col.of_variant(c)}) or None


def of_variation(row: Row, told: Container[str], reading: Reading) -> Plain | None:
    """What a variation's row says."""
    return reading.named({c: cell for c, cell in row.cells.items() if c not in told and UNSET_OF_VARIATION.get(c) != cell}) or None
