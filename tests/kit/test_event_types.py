"""Event types: in tests, an event must fit its declaration."""

from typing import Any

import pytest
from msgspec import UNSET, Struct, UnsetType

from tradepost.areas.catalog.resource import brands
from tradepost.kit.auth.access import permission
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.dependencies import Dependencies
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.event_types import (
    ChangedMembers,
    EventType,
    EventTypes,
    UndeclaredEvent,
    row_event_types,
)


class Renamed(Struct, forbid_unknown_fields=True):
    """The new slug."""

    slug: str
    changed: list[str] | UnsetType = UNSET


TYPES = EventTypes(
    [*row_event_types(brands, permission("catalog:write")), EventType("brand.renamed", brands, "Renamed.", Renamed)]
)


@pytest.mark.parametrize(
    ("type", "data"),
    [
        ("brand.created", {}),
        ("brand.updated", {"changed": ["name"]}),
        ("brand.renamed", {"slug": "kjeld"}),
        ("brand.renamed", {"slug": "kjeld", "changed": []}),
    ],
)
def test_an_event_that_fits_its_declaration_is_accepted(type: str, data: dict[str, Any]) -> None:
    TYPES.check(type, data)


@pytest.mark.parametrize(
    ("type", "data", "message"),
    [
        ("brand.sold", {}, "`brand.sold` is not declared"),
        ("brand.created", {"name": "Kjeld"}, "`brand.created` has no member name"),
        ("brand.updated", {}, "missing required field `changed`"),
        ("brand.updated", {"changed": "name"}, "Expected `array`"),
        ("brand.renamed", {"slug": 1}, "Expected `str`"),
    ],
)
def test_an_event_that_does_not_fit_is_refused(type: str, data: dict[str, Any], message: str) -> None:
    with pytest.raises(UndeclaredEvent, match=message):
        TYPES.check(type, data)


@pytest.mark.parametrize("strict", [True, False])
def test_events_are_checked_in_tests_only(monkeypatch: pytest.MonkeyPatch, strict: bool) -> None:
    monkeypatch.setattr(EventTypes, "strict", strict)
    dependencies, database = Dependencies(), Any
    dependencies.provide(EventTypes, TYPES)
    context = CallContext(ANONYMOUS, database, dependencies=dependencies)  # pyright: ignore[reportArgumentType]
    if strict:
        with pytest.raises(UndeclaredEvent):
            context.emit_to_handlers("brand.sold", "id")
    else:
        context.emit_to_handlers("brand.sold", "id")


def test_two_types_cannot_have_the_same_name() -> None:
    with pytest.raises(ValueError, match=r"two event types are called brand\.created"):
        EventTypes([*TYPES.types.values(), EventType("brand.created", brands, "")])


def test_the_description_of_a_type_has_the_schema_of_its_data() -> None:
    described = {entry["type"]: entry for entry in TYPES.described()}
    assert list(described) == ["brand.created", "brand.deleted", "brand.renamed", "brand.updated"]
    updated = described["brand.updated"]
    assert updated["subject"] == "Brand"
    assert updated["data"]["required"] == ["changed"]
    assert updated["data"]["description"] == ChangedMembers.__doc__
