"""Filling PostgreSQL: `COPY` in one transaction."""

import csv
import io

import asyncpg
from sqlalchemy import URL

from .filling import Counts, Progress, ShopNotEmptyError
from .rows import COLUMNS, Row, Shop


async def fill(address: URL, shop: Shop, progress: Progress) -> Counts:
    """Put the shop's rows into the database."""
    counts = Counts()
    connection = await asyncpg.connect(address.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        async with connection.transaction():
            # Two seeds at once: the second waits here, and then finds the shop full.
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
    """The rows as COPY reads them: a text is quoted, a null is nothing at all."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NOTNULL).writerows(rows)
    return io.BytesIO(text.getvalue().encode())
