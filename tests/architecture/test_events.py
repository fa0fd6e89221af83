"""Every event type that the source emits or handles is declared."""

import re

import pytest

from tests.servers import ROOT
from tradepost.app import domain_event_handlers, event_handlers, event_types
from tradepost.kit.writes.outbox import is_personal_event

pytestmark = pytest.mark.once

EMITTED = re.compile(r"\bemit(?:_to_handlers)?\(\s*\"([a-z_]+\.[a-z_]+)\"")


def test_every_literal_type_that_is_emitted_is_declared() -> None:
    files = (ROOT / "src" / "tradepost" / "areas").rglob("*.py")
    emitted = {type for path in files for type in EMITTED.findall(path.read_text())}
    assert len(emitted) > 20
    assert sorted(emitted - event_types().types.keys()) == []


def test_every_type_that_is_handled_is_declared() -> None:
    delivered = {type for handler in event_handlers() for type in handler.types if not is_personal_event(type)}
    handled = domain_event_handlers().types
    assert handled
    assert sorted((handled | delivered) - event_types().types.keys()) == []


def test_a_type_is_a_subject_and_a_past_participle_and_says_when_it_happens() -> None:
    for type in event_types().types.values():
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", type.name), type.name
        assert re.fullmatch(r"[A-Z].*\.", type.doc), type.name
