"""Search words and slugs of a text."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert
from sqlalchemy.dialects import postgresql, sqlite

from tradepost.areas.catalog.schemas import Slug
from tradepost.kit.db.full_text import PrefixQuery
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.resource.filters import search_words
from tradepost.kit.text.slugs import numbered_slug, slugify
from tradepost.kit.text.words import MAX_WORD_LENGTH, normalize, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Crème Brûlée", ("creme", "brulee")),
        ("creme\u0301", ("creme",)),
        ("Straße", ("straße",)),
        ("ﬁne x²", ("fine", "x2")),
        ("İstanbul", ("istanbul",)),
        (
            "rock'n'roll AND \"OR\" (NOT*) a:b -c | d & !e",
            ("rock", "n", "roll", "and", "or", "not", "a", "b", "c", "d", "e"),
        ),
        ("the the The", ("the",)),
        ("SKU-00_17/b", ("sku", "00", "17", "b")),
        ("  \t\n ", ()),
        ("!?…—", ()),
        ("Ärmel \uff21", ("armel", "a")),
        ("日本語", ("日本語",)),
    ],
)
def test_words_splits_and_normalizes_a_text(text: str, expected: tuple[str, ...]) -> None:
    assert words(text) == expected


@given(st.text())
def test_words_of_words_are_the_same_words(text: str) -> None:
    result = words(text)
    assert words(" ".join(result)) == result
    assert len(set(result)) == len(result)
    assert all(w and len(w) <= MAX_WORD_LENGTH and all(c.isalnum() for c in w) for w in result)


@given(st.text())
def test_composed_and_decomposed_text_have_the_same_words(text: str) -> None:
    assert words(unicodedata.normalize("NFC", text)) == words(unicodedata.normalize("NFD", text))


def test_html_tags_are_not_words() -> None:
    assert normalize('<p class="hidden">Solid <b>oak</b>, 5 < 6 cm</p>') == "solid oak 5 6 cm"


def test_a_search_without_a_word_is_refused() -> None:
    for text in ("", "   ", "!!!", "-", "\u0301"):
        with pytest.raises(InvalidParameter):
            search_words(text)


def test_a_search_has_at_most_twenty_words() -> None:
    assert len(search_words(" ".join(f"w{i}" for i in range(20)))) == 20
    with pytest.raises(InvalidParameter):
        search_words(" ".join(f"w{i}" for i in range(21)))


@given(st.text())
def test_no_text_reaches_a_database_as_query_syntax(text: str) -> None:
    query = words(text)
    if not query:
        return
    tsquery = PrefixQuery().process_bind_param(query, postgresql.dialect())
    assert tsquery is not None
    assert re.fullmatch(r"'[^\W_]+':\*( & '[^\W_]+':\*)*", tsquery)
    fts5 = PrefixQuery("name").process_bind_param(query, sqlite.dialect())
    assert fts5 is not None
    assert re.fullmatch(r'name : \("[^\W_]+"\*( AND "[^\W_]+"\*)*\)', fts5)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Oak Chair", "oak-chair"),
        ("Crème Brûlée!", "creme-brulee"),
        ("Große Œuvre, Łódź & Søn", "grosse-oeuvre-lodz-son"),
        ("100% wool", "100-wool"),
        ("日本語", "product"),
        ("---", "product"),
        ("a" * 300, "a" * 64),
        ("word " * 60, "word"),
    ],
)
def test_slugify_makes_a_slug_of_a_name(name: str, slug: str) -> None:
    assert slugify(name, "product") == slug


@given(st.text(max_size=300))
def test_the_slug_of_any_name_is_valid_with_and_without_a_number(name: str) -> None:
    slug = slugify(name, "product")
    assert convert(slug, Slug)
    assert convert(numbered_slug(slug, 1_000_000), Slug)
