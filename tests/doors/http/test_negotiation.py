"""Accept, Accept-Encoding and Content-Type are parsed by RFC 9110, and no value raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.doors.http.negotiation import best_coding, best_offer, parse_content_type

JSON, PACK, HTML = b"application/json", b"application/msgpack", b"text/html"
OFFERS = (JSON, PACK, HTML)


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, JSON),
        (b"", JSON),
        (b"*/*", JSON),
        (b"*", JSON),
        (b"application/msgpack", PACK),
        (b"APPLICATION/MsgPack", PACK),
        (b"text/*", HTML),
        (b"application/*;q=0.5, text/html", HTML),
        (b"application/json;q=0.5, application/msgpack;q=0.8", PACK),
        (b"application/json;q=0, */*", PACK),
        (b"*/*;q=0.1, text/html;q=0.2", HTML),
        (b"application/json;q=0.1, */*;q=0.9", PACK),
        (b"application/msgpack, application/json", PACK),
        (b"application/msgpack, */*", PACK),
        (b"*/*, application/msgpack", PACK),
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        (b"application/json; charset=utf-8", JSON),
        (b"application/json;charset=UTF-8;q=0.4, text/html;q=0.3", JSON),
        (b"application/json;profile=x", JSON),
        (b"application/json;v=1;q=0.1, text/html;q=0.2", HTML),
        (b"application/json;profile=x, text/html;q=0.1", JSON),
        (b"application/json;v=1, application/msgpack", PACK),
        (b"application/json;v=1;q=0, */*", PACK),
        (b"*/*;v=1", JSON),
        (b"text/html;v=1;q=0.5, */*;q=0.1", HTML),
        (b'text/html;title="a, b;q=0", application/json', JSON),
        (b"image/png", None),
        (b"*/*;q=0", None),
        (b"image/png, ;;;, application/msgpack", PACK),
        (b"application/json;q=2, text/html;q=0.1", HTML),
        (b"application/json;q=abc", JSON),
        (b",,,", JSON),
        (b"application/json;q=0.000", None),
        (b"application/json;q=nan, text/html", HTML),
    ],
)
def test_the_preferred_offer_is_chosen(header: bytes | None, chosen: bytes | None) -> None:
    assert best_offer(header, OFFERS) == chosen


def test_a_media_range_matches_an_offer_that_has_its_parameters() -> None:
    offers = (b"text/csv;header=present", b"application/json")
    assert best_offer(b"text/csv", offers) == offers[0]
    assert best_offer(b"text/csv;header=present", offers) == offers[0]
    assert best_offer(b"text/csv;header=absent", offers) is None


def test_graphql_clients_get_the_media_type_that_they_prefer() -> None:
    offers = (b"application/json", b"application/graphql-response+json")
    assert best_offer(b"application/graphql-response+json, application/json;q=0.9", offers) == offers[1]
    with_charset = b"application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"
    assert best_offer(with_charset, offers) == offers[1]
    assert best_offer(b"*/*", offers) == offers[0]


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        (None, None),
        (b"", None),
        (b"identity", None),
        (b"gzip", b"gzip"),
        (b"x-gzip", b"gzip"),
        (b"gzip, deflate, br, zstd", b"zstd"),
        (b"gzip, deflate, br", b"br"),
        (b"gzip;q=1, br;q=0.5", b"gzip"),
        (b"br;q=0, gzip", b"gzip"),
        (b"br;q=0", None),
        (b"*", b"zstd"),
        (b"*, zstd;q=0, br;q=0", b"gzip"),
        (b"*;q=0", None),
        (b"deflate", None),
        (b"identity, gzip;q=0.5", None),
        (b"gzip;q=0.5", b"gzip"),
        (b"GZIP", b"gzip"),
        (b"zstd;q=high, gzip", b"gzip"),
    ],
)
def test_the_coding_with_the_greatest_weight_is_chosen_and_zstd_among_equal_ones(
    header: bytes | None, coding: bytes | None
) -> None:
    assert best_coding(header) == coding


@pytest.mark.parametrize(
    ("header", "parsed"),
    [
        (None, (b"", b"")),
        (b"application/json", (b"application/json", b"")),
        (b"Application/JSON; Charset=UTF-8", (b"application/json", b"utf-8")),
        (b'application/json;charset="utf-8"', (b"application/json", b"utf-8")),
        (b'multipart/form-data; boundary="a;charset=x"', (b"multipart/form-data", b"")),
    ],
)
def test_a_content_type_is_split_into_media_type_and_charset(header: bytes | None, parsed: tuple[bytes, bytes]) -> None:
    assert parse_content_type(header) == parsed


HEADERS = st.one_of(
    st.binary(max_size=80),
    st.text(alphabet='*/;,=q.01 "\\abjson-+', max_size=80).map(str.encode),
    st.binary(min_size=1100, max_size=1200),
)


@given(HEADERS)
def test_no_header_value_raises(header: bytes) -> None:
    assert best_offer(header, OFFERS) in (*OFFERS, None)
    assert best_coding(header) in (b"zstd", b"br", b"gzip", None)
    assert len(parse_content_type(header)) == 2


@given(st.permutations([b"application/json;q=0.3", b"application/msgpack;q=0.9", b"text/*;q=0.5", b"*/*;q=0.1"]))
def test_the_order_of_a_header_does_not_matter_if_the_weights_differ(elements: list[bytes]) -> None:
    assert best_offer(b", ".join(elements), OFFERS) == PACK
