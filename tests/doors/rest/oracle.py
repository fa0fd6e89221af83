"""What a list must answer, worked out without the read engine: all rows by plain SQL, then sorted and cut in Python."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from tradepost.kit.clock import to_rfc3339

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

NO_PRICE = 2**53


async def product_rows(app: "TradepostApp") -> list[dict[str, Any]]:
    """All products of the shop, times as on the wire."""
    async with app.state.database.session_factory() as session:
        found = await session.execute(
            text(
                "SELECT id, slug, name, status, description, price_from_amount AS price, created_at, updated_at, category_id FROM product"
            )
        )
        rows = [dict(row._mapping) for row in found]
    for row in rows:
        row["id"] = str(row["id"])
        row |= {
            name: row[name] if isinstance(row[name], str) else to_rfc3339(row[name])
            for name in ("created_at", "updated_at")
        }
    return rows


def in_order(rows: list[dict[str, Any]], sort: str) -> list[str]:
    """The ids of the rows in the order of a `sort`; the id decides last, in the direction of the last key."""
    keys = [*sort.split(","), "-id" if sort.split(",")[-1].startswith("-") else "id"]
    ordered = rows
    for key in reversed(keys):
        down = key.startswith("-")
        ordered = sorted(
            ordered, key=lambda row, name=key.removeprefix("-"), down=down: _value(row, name, down), reverse=down
        )
    return [row["id"] for row in ordered]


def _value(row: dict[str, Any], name: str, down: bool) -> Any:
    value = row[name]
    if name == "price" and value is None:
        # Without a price they come last, both ways.
        return -NO_PRICE if down else NO_PRICE
    return value.encode() if isinstance(value, str) else value
