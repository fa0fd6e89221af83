"""How tests read a product file: written to disk, opened like any other, its drafts taken one by one."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tradepost.areas.catalog.formats import DecimalSeparator, Issue, ParsedProduct, open_file

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def drafts_of(
    folder: Path, content: str | bytes, *, currency: str = "EUR", sign: DecimalSeparator | None = None
) -> list[ParsedProduct]:
    """All drafts of a file with this content."""
    file = folder / "products"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with closing(open_file(file, currency=currency, decimal_separator=sign, now=MOMENT)) as opened:
        found = list(opened.products())
        assert opened.product_count == len(found)
        return found


def products_of(folder: Path, content: str | bytes, *, currency: str = "EUR") -> list[dict[str, Any]]:
    """The products of a file in which nothing is at fault."""
    drafts = drafts_of(folder, content, currency=currency)
    assert [f for d in drafts for f in d.issues] == []
    return [d.product for d in drafts if d.product is not None]


def places(findings: Sequence[Issue]) -> list[tuple[int, str]]:
    """Line and column of each finding."""
    return [(f.line, f.column) for f in findings]
