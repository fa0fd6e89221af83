"""Fills PostgreSQL with COPY, in one transaction."""

import csv
import io

import asyncpg
from sqlalchemy import URL

from .counts import Counts, Progress, ShopNotEmptyError
from .rows import COLUMNS, DemoShop, Row


async def fill(address: URL, shop: DemoShop, progress: Progress) -> Counts:
    """Write the rows of the demo shop."""
    counts = Counts()
    connection = await asyncpg.connect(address.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        async with connection.transaction():
            # A concurrent seed waits here and then finds the tables filled.
            await connection.execute("LOCK TABLE product, category IN SHARE ROW EXCLUSIVE MODE")
            if await connection.fetchval("SELECT EXISTS (SELECT FROM product) OR EXISTS (SELECT FROM category)"):
                raise ShopNotEmptyError
            for part in shop.parts():
                for table, rows in part.items():
                    await connection.copy_to_table(table, source=_csv(rows), columns=COLUMNS[table], format="csv")
                counts.add(part)
                progress(counts.products)
        await connection.execute(f"VACUUM (ANALYZE) {', '.join(COLUMNS)}")
    finally:
        await connection.close()
    return counts


def _csv(rows: list[Row]) -> io.BytesIO:
    """Encode rows as COPY expects them: values quoted, NULL as an empty field without quotes."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NOTNULL).writerows(rows)
    return io.BytesIO(text.getvalue().encode())
