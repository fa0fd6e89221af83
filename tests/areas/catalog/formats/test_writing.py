"""Writers: any catalogue, written and read again, is the same catalogue."""

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.areas.catalog.formats.catalogues import catalogue, normal
from tests.areas.catalog.formats.drafts import MOMENT, drafts_of
from tradepost.areas.catalog.formats.notes import said_of_product, said_of_variant
from tradepost.areas.catalog.formats.writing import FORMATS, writer

type Json = dict[str, Any]


def written(format: str, records: list[Json], currency: str = "EUR") -> bytes:
    """The file of some records."""
    made = writer(format, currency=currency, moment=MOMENT)
    try:
        for record in records:
            made.see(record)
        return made.head() + b"".join([made.product(record) for record in records])
    finally:
        made.close()


def read_again(content: bytes, currency: str = "EUR") -> list[Json]:
    """What a file says; nothing in it keeps a product out."""
    with tempfile.TemporaryDirectory() as folder:
        drafts = drafts_of(Path(folder), content, currency=currency)
    assert [f for d in drafts for f in d.findings if not f.mended] == []
    return [normal(d.product) for d in drafts if d.product is not None]


def told(record: Json) -> str:
    """A record with all defaults, as JSON: there `1` is not `1.0`. The order of options counts, that of other members does not."""
    variants = [said_of_variant(v, at) | {"options": [*v.get("options", {}).items()]} for at, v in enumerate(record["variants"])]
    return msgspec.json.encode(said_of_product(record) | {"variants": variants}, order="sorted").decode()


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=60)
@given(data=st.data())
def test_a_catalogue_comes_back_as_it_was(format: str, currency: str, data: st.DataObject) -> None:
    records = data.draw(catalogue(currency))
    content = written(format, records, currency)
    if not content:
        assert (format, records) == ("ndjson", [])
        return
    again = read_again(content, currency)
    assert [told(r) for r in again] == [told(r) for r in records]
