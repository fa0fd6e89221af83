"""Records of values without a row: the selected members, nested lists, and members with access."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec
import pytest

from tradepost.kit.auth.access import permission
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Forbidden, Unauthenticated
from tradepost.kit.query.value_records import value_record
from tradepost.kit.resource.resource import Result
from tradepost.kit.resource.selection import Field, FieldSet, Selection, default_selection
from tradepost.kit.writes.call_context import CallContext


class Mood(Enum):
    """An enum."""

    WELL = "well"


class Part(msgspec.Struct):
    """A nested value."""

    name: str
    mood: Mood
    at: datetime | None = None


class Whole(msgspec.Struct):
    """A value with a list of values."""

    count: int
    parts: list[Part]
    rest: list[Part] | None = None
    first: Part | None = None
    notes: list[str] = []
    secret: str = "s"


WHOLE = Result(Whole, field_access={"secret": permission("secrets:read")})
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def rendered(value: Whole, *fields: Field) -> dict[str, Any]:
    """Return the JSON of a value with these fields selected."""
    return msgspec.json.decode(msgspec.json.encode(value_record(WHOLE, value, Selection(FieldSet(fields))).body))


def test_a_list_of_values_has_the_selected_members() -> None:
    value = Whole(2, [Part("a", Mood.WELL), Part("b", Mood.WELL, NOON)])
    assert rendered(value, Field("parts", "p", (Field("mood"), Field("name", "n"))), Field("count")) == {
        "p": [{"mood": "well", "n": "a"}, {"mood": "well", "n": "b"}],
        "count": 2,
    }
    assert rendered(value, Field("parts", None, (Field("at"),))) == {
        "parts": [{"at": None}, {"at": "2026-01-02T12:00:00.000000Z"}]
    }


def test_an_empty_list_is_empty_and_a_missing_one_is_null() -> None:
    inner = (Field("name"),)
    fields = [Field(name, None, inner) for name in ("parts", "rest", "first")]
    assert rendered(Whole(0, []), *fields) == {"parts": [], "rest": None, "first": None}
    assert rendered(Whole(0, [], [Part("r", Mood.WELL)]), Field("rest", None, inner), Field("notes")) == {
        "rest": [{"name": "r"}],
        "notes": [],
    }


def test_the_default_selection_has_all_members_that_the_caller_may_read() -> None:
    names = [f.name for f in default_selection(WHOLE, frozenset()).field_set.fields]
    assert names == ["count", "parts", "rest", "first", "notes"]
    assert [f.name for f in default_selection(WHOLE, frozenset({"secrets:read"})).field_set.fields] == [
        *names,
        "secret",
    ]


def test_a_member_that_needs_a_permission_is_refused_without_it() -> None:
    selection: Selection[Whole] = Selection(FieldSet((Field("count"), Field("secret"))))
    for caller, refusal in ((ANONYMOUS, Unauthenticated), (Caller(id="x"), Forbidden)):
        service = Service(CallContext(caller, None))  # type: ignore[arg-type]
        with pytest.raises(refusal, match="secrets:read"):
            service.respond(WHOLE, Whole(1, []), selection)
    allowed = Service(CallContext(Caller(id="x", permissions=frozenset({"secrets:read"})), None))  # type: ignore[arg-type]
    assert msgspec.json.encode(allowed.respond(WHOLE, Whole(1, []), selection).body) == b'{"count":1,"secret":"s"}'
