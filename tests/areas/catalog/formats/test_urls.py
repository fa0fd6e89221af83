"""The URLs of images in files: with a host, in one line, without invisible characters."""

import pytest

from tradepost.areas.catalog.formats.records import MediaRecord
from tradepost.kit.problems import Validation
from tradepost.kit.schema.validation import validate


@pytest.mark.parametrize(
    "url", ["https://a.example", "http://[::1]:80/x", "https://user@a.example/?q=%20#x", " https://ä.example "]
)
def test_a_url_is_stripped(url: str) -> None:
    assert validate(MediaRecord, {"source_url": url}).source_url == url.strip()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https:///", "invalid_format"),
        ("https://:80/", "invalid_format"),
        ("https://?a", "invalid_format"),
        ("https://a.example/1\n", "invalid_format"),
        ("https://a.example/\u202ecod.exe", "invisible_character"),
    ],
)
def test_other_urls_are_refused(url: str, code: str) -> None:
    with pytest.raises(Validation) as refused:
        validate(MediaRecord, {"source_url": url})
    assert [fault.code for fault in refused.value.errors] == [code]
