"""Times and ids."""

import re
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.kit import clock
from tradepost.kit.clock import now, to_rfc3339
from tradepost.kit.ids import new_id, parse_id, type_number

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=OFFSETS)


def test_now_is_never_a_whole_second(monkeypatch: pytest.MonkeyPatch) -> None:
    class WholeSecond(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime(2026, 1, 2, 3, 4, 5, 0, UTC)

    monkeypatch.setattr(clock, "datetime", WholeSecond)
    assert now().microsecond == 1
    assert msgspec.json.encode(now()) == b'"2026-01-02T03:04:05.000001Z"'


@given(MOMENTS)
def test_an_rfc3339_time_has_six_decimals_and_a_z(moment: datetime) -> None:
    assert RFC3339.fullmatch(to_rfc3339(moment))
    assert datetime.fromisoformat(to_rfc3339(moment)) == moment


@given(MOMENTS, MOMENTS)
def test_rfc3339_times_sort_like_the_datetimes(one: datetime, other: datetime) -> None:
    assert (to_rfc3339(one) < to_rfc3339(other)) == (one < other)


@given(st.integers(0, 255))
def test_an_id_is_a_uuid7_with_its_type_number(number: int) -> None:
    id = new_id(number)
    assert UUID(id).version == 7
    assert UUID(id).variant == "specified in RFC 4122"
    assert type_number(id) == number
    assert parse_id(id) == id


def test_new_ids_are_unique_and_sort_by_time() -> None:
    ids = [new_id(2) for _ in range(5000)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "oak-chair",
        "01a1fd35a00d731cb13c3a7402625f1f",
        "{01a1fd35-a00d-731c-b13c-3a7402625f1f}",
        "urn:uuid:01a1fd35-a00d-731c-b13c-3a7402625f1f",
        "01a1fd35-a00d-731c-b13c-3a7402625f1",
        "01a1fd35-a00d-731c-b13c-3a7402625f1g",
        "01a1fd35-a00d-731c-b13c-3a7402625f1f\n",
        "\u0660" * 36,
    ],
)
def test_parse_id_accepts_only_the_36_characters_of_a_uuid(text: str) -> None:
    assert parse_id(text) is None


def test_parse_id_lowercases_an_id() -> None:
    assert parse_id("01A1FD35-A00D-731C-B13C-3A7402625F1F") == "01a1fd35-a00d-731c-b13c-3a7402625f1f"
