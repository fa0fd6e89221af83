"""Entity tags are compared by RFC 9110; a write compares only the version in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.doors.http.conditional import (
    ANY,
    EntityTag,
    Wildcard,
    entity_tag,
    expected_versions,
    matches,
    parse_entity_tags,
)


def test_an_entity_tag_depends_on_the_version_and_the_bytes() -> None:
    assert entity_tag(b"{}", 3).startswith(b'"3.')
    assert entity_tag(b"{}") == b'"' + entity_tag(b"{}", 3)[3:]
    assert entity_tag(b"{}") != entity_tag(b"[]")


@pytest.mark.parametrize(
    ("header", "matching"),
    [
        (b'"3.abc"', True),
        (b'W/"3.abc"', True),
        (b'"3.abc-gzip"', True),
        (b'W/"3.abc-br"', True),
        (b'"3.abc-zstd"', True),
        (b'"x", "3.abc"', True),
        (b'"x","y",W/"3.abc"', True),
        (b"*", True),
        (b" * ", True),
        (b'"3.abd"', False),
        (b'"3.abc', False),
        (b"3.abc", False),
        (b'"3.ABC"', False),
        (b"", False),
        (b'"a,b", "3.abc"', True),
    ],
)
def test_if_none_match_compares_weakly_and_ignores_codings(header: bytes, matching: bool) -> None:
    assert matches(header, b'"3.abc"') is matching


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        (b"*", ANY),
        (b'"3.abc"', (3,)),
        (b'"3.abc-gzip"', (3,)),
        (b'"3.abc", "4.def"', (3, 4)),
        (b'W/"3.abc"', ()),
        (b'W/"3.abc", "4.def"', (4,)),
        (b'"abc"', ()),
        (b'"3"', ()),
        (b'"3."', ()),
        (b'"-3.abc"', ()),
        (b'"9999999999999999999.abc"', ()),
        (b'"3.abc', ()),
        (b"3.abc", ()),
        (b"", ()),
        ('"٣.abc"'.encode(), ()),
    ],
)
def test_if_match_reads_the_version_of_our_strong_tags(
    header: bytes | None, expected: tuple[int, ...] | Wildcard | None
) -> None:
    assert expected_versions(header) == expected


@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(alphabet='W/"*,. 0123-gzip', max_size=60).map(str.encode),
        st.binary(min_size=1030, max_size=1100),
    )
)
def test_no_precondition_header_raises(header: bytes) -> None:
    assert matches(header, b'"3.abc"') in (True, False)
    assert expected_versions(header) is ANY or isinstance(expected_versions(header), tuple)


@given(
    st.lists(
        st.builds(EntityTag, st.text(alphabet="0123456789abcdef.,", min_size=1).map(str.encode), st.booleans()),
        max_size=5,
    )
)
def test_a_list_of_tags_is_parsed(tags: list[EntityTag]) -> None:
    header = b", ".join(b'%s"%s"' % (b"W/" if tag.weak else b"", tag.opaque) for tag in tags)
    assert parse_entity_tags(header) == tuple(tags)
