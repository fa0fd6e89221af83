"""Parses product files in tests: writes the content to disk and opens it as the import does."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tradepost.areas.catalog.formats import DecimalSeparator, Issue, ParsedProduct, open_file

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def parse_products(
    folder: Path, content: str | bytes, *, currency: str = "EUR", decimal_separator: DecimalSeparator | None = None
) -> list[ParsedProduct]:
    """Parse a file and return its products, with their issues."""
    file = folder / "products"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with closing(open_file(file, currency=currency, decimal_separator=decimal_separator, now=MOMENT)) as opened:
        products = list(opened.products())
        assert opened.product_count == len(products)
        return products


def parse_valid_products(folder: Path, content: str | bytes, *, currency: str = "EUR") -> list[dict[str, Any]]:
    """Parse a file that must have no issues, and return its products."""
    parsed = parse_products(folder, content, currency=currency)
    assert [issue for p in parsed for issue in p.issues] == []
    return [p.product for p in parsed if p.product is not None]


def positions(issues: Sequence[Issue]) -> list[tuple[int, str]]:
    """Return line and column of each issue."""
    return [(issue.line, issue.column) for issue in issues]
