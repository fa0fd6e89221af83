"""The expected rows of a list, without the read engine: plain SQL, sorted in Python."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from tradepost.kit.clock import to_rfc3339

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

NO_PRICE = 2**53


async def product_rows(app: "TradepostApp") -> list[dict[str, Any]]:
    """Return all products, with times as in responses."""
    columns = "id, slug, name, status, description, price_from_amount AS price, created_at, updated_at, category_id"
    async with app.state.database.session_factory() as session:
        result = await session.execute(text(f"SELECT {columns} FROM product"))
        rows = [dict(row._mapping) for row in result]
    for row in rows:
        row["id"] = str(row["id"])
        row |= {
            name: row[name] if isinstance(row[name], str) else to_rfc3339(row[name])
            for name in ("created_at", "updated_at")
        }
    return rows


def in_order(rows: list[dict[str, Any]], sort: str) -> list[str]:
    """Return the ids of the rows, sorted by `sort` and then by id, in the last key's direction."""
    keys = [*sort.split(","), "-id" if sort.split(",")[-1].startswith("-") else "id"]
    ordered = rows
    for key in reversed(keys):
        descending, name = key.startswith("-"), key.removeprefix("-")
        ordered = sorted(
            ordered,
            key=lambda row, name=name, descending=descending: _value(row, name, descending),
            reverse=descending,
        )
    return [row["id"] for row in ordered]


def _value(row: dict[str, Any], name: str, descending: bool) -> Any:
    value = row[name]
    if name == "price" and value is None:
        # Rows without a price come last in both directions.
        return -NO_PRICE if descending else NO_PRICE
    return value.encode() if isinstance(value, str) else value
