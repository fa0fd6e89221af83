"""What inventory adds to variants and products."""

from tests.parity.access.table import FOR_STOCKKEEPERS
from tests.parity.case import AdditionCase, OracleView, TableRow


def is_in_stock(view: OracleView, product: TableRow, wanted: bool) -> bool:
    """Whether a variant has available units at active locations, or is not tracked."""
    active = {row["id"] for row in view.tables["stock_location"] if row["active"]}
    units: dict[str, int] = {}
    for level in view.tables["stock_level"]:
        if level["location_id"] in active:
            left = level["on_hand"] - level["reserved"]
            units[level["variant_id"]] = units.get(level["variant_id"], 0) + left
    own_variants = [row for row in view.tables["variant"] if row["product_id"] == product["id"]]
    return wanted == any(not row["track_inventory"] or units.get(row["id"], 0) > 0 for row in own_variants)


VARIANT_ADDITIONS = AdditionCase(name="Variant", members={"stock_movements": FOR_STOCKKEEPERS})
PRODUCT_ADDITIONS = AdditionCase(
    name="Product",
    filter_values={"in_stock": [True, False]},
    filters={"in_stock": is_in_stock},
    tables=("variant", "stock_level", "stock_location"),
)
