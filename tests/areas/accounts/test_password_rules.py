"""Which passwords are taken: long ones that nobody guesses, whatever they are made of."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.areas.accounts.password_rules import MAX_LENGTH, MAX_RAW_LENGTH, RULES, faults
from tradepost.kit.problems import Validation

ANN = ("ann.baker@shop.example", "annbaker", "")


def codes(password: str, least: int = 8) -> list[str]:
    """What is wrong with a password of Ann Baker's."""
    return [fault.code for fault in faults(password, least, ANN, "/password")]


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple", "gkWv3$pT", "aaaaaaab", "        x", "\u043f\u0430\u0440\u043e\u043b\u044c \u043d\u0430 \u0434\u0432\u0435\u0440\u044c",
        "\N{SLICE OF PIZZA}\N{CROISSANT}\N{CHERRIES}\N{MANGO}\N{CARROT}\N{BREAD}\N{PANCAKES}\N{GRAPES}", "zwölf Boxkämpfer",
        "baker and ann", "x" * 40 + "yz", "ann@shop.example",
        "correct-2398472394",
    ],
)  # fmt: skip
def test_no_kind_of_character_is_asked_for(password: str) -> None:
    assert codes(password) == []


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("gkWv3$p", "too_short"), ("", "too_short"), ("e\N{COMBINING ACUTE ACCENT}" * 2 + "gkWv3", "too_short"),
        ("gkWv3$pT" * 32 + "x", "too_long"), ("e\N{COMBINING ACUTE ACCENT}" * 1_000, "too_long"),
        ("password", "common_password"), ("PassWord", "common_password"), ("password1!", "common_password"), ("1!password", "common_password"),
        ("iloveyou", "common_password"), ("Football2026", "common_password"), ("trustno1", "common_password"),
        ("zzzzzzzz", "too_simple"), ("xyxyxyxyx", "too_simple"), ("g%W g%W g%W ", "too_simple"), ("abcdefghij", "too_simple"), ("jihgfedcba", "too_simple"),
        ("8901234567", "too_simple"), ("qwertzuiop", "too_simple"), ("poiuytrewq", "too_simple"), ("0123456789" * 20, "too_simple"),
        ("annbaker", "contains_name"), ("my-AnnBaker-9", "contains_name"), ("ann.baker!x", "contains_name"), ("ann.baker@shop.example", "contains_name"),
    ],
)  # fmt: skip
def test_what_is_short_or_guessed_is_refused(password: str, code: str) -> None:
    assert code in codes(password)


def test_an_installation_may_ask_for_more() -> None:
    assert codes("gkWv3$pT", 12) == ["too_short"]


def test_all_faults_come_at_once_with_their_place_and_their_cure() -> None:
    with pytest.raises(Validation) as refused:
        PasswordHasher(min_length=12).check("password", "/new_password", user_attributes=ANN)
    assert {(e.pointer, e.code) for e in refused.value.errors} == {
        ("/new_password", "too_short"),
        ("/new_password", "common_password"),
    }
    assert all("; use " in e.detail for e in refused.value.errors)
    assert "`" not in refused.value.detail


def test_short_names_refuse_nothing() -> None:
    assert faults("gkWv3$pT ann", 8, ["ann@shop.example", "ann"], "/password") == []


@given(st.text(min_size=0, max_size=300))
def test_any_text_is_judged_and_alike_in_every_spelling_of_its_marks(password: str) -> None:
    assert codes(unicodedata.normalize("NFD", password)) == codes(unicodedata.normalize("NFC", password))


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=24, max_size=60))
def test_no_fault_quotes_the_password(password: str) -> None:
    assert all(password not in fault.detail for fault in faults(password, 64, [password], "/password"))


def test_an_overlong_text_is_not_composed() -> None:
    # Each mark has to be sorted among all others: composing 100,000 of them takes a minute.
    text = "a" + "\N{COMBINING ACUTE ACCENT}\N{COMBINING CEDILLA}" * 100_000
    assert len(text) > MAX_RAW_LENGTH
    assert codes(text) == ["too_long"]


def test_the_rules_are_said_in_words() -> None:
    for word in ("8 characters", str(MAX_LENGTH), "common", "user name", "again and again", "passphrase"):
        assert word in RULES
