"""The password rules: any long password that is hard to guess is accepted."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.areas.accounts.password_rules import MAX_LENGTH, MAX_RAW_LENGTH, RULES, faults
from tradepost.kit.problems import Validation

ANN = ("ann.baker@shop.example", "annbaker", "")


def codes(password: str, min_length: int = 8) -> list[str]:
    """Return the codes of the rules that a password of Ann Baker breaks."""
    return [fault.code for fault in faults(password, min_length, ANN, "/password")]


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple", "gkWv3$pT", "aaaaaaab", "        x",
        "\u043f\u0430\u0440\u043e\u043b\u044c \u043d\u0430 \u0434\u0432\u0435\u0440\u044c",
        "\N{SLICE OF PIZZA}\N{CROISSANT}\N{CHERRIES}\N{MANGO}\N{CARROT}\N{BREAD}\N{PANCAKES}\N{GRAPES}",
        "zwölf Boxkämpfer", "baker and ann", "x" * 40 + "yz", "ann@shop.example", "correct-2398472394",
    ],
)  # fmt: skip
def test_no_kind_of_character_is_required(password: str) -> None:
    assert codes(password) == []


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("gkWv3$p", "too_short"), ("", "too_short"), ("e\N{COMBINING ACUTE ACCENT}" * 2 + "gkWv3", "too_short"),
        ("gkWv3$pT" * 32 + "x", "too_long"), ("e\N{COMBINING ACUTE ACCENT}" * 1_000, "too_long"),
        ("password", "common_password"), ("PassWord", "common_password"), ("password1!", "common_password"),
        ("1!password", "common_password"), ("iloveyou", "common_password"), ("Football2026", "common_password"),
        ("trustno1", "common_password"), ("zzzzzzzz", "too_simple"), ("xyxyxyxyx", "too_simple"),
        ("g%W g%W g%W ", "too_simple"), ("abcdefghij", "too_simple"), ("jihgfedcba", "too_simple"),
        ("8901234567", "too_simple"), ("qwertzuiop", "too_simple"), ("poiuytrewq", "too_simple"),
        ("0123456789" * 20, "too_simple"), ("annbaker", "contains_name"), ("my-AnnBaker-9", "contains_name"),
        ("ann.baker!x", "contains_name"), ("ann.baker@shop.example", "contains_name"),
    ],
)  # fmt: skip
def test_a_short_long_or_guessable_password_is_refused(password: str, code: str) -> None:
    assert code in codes(password)


def test_the_minimum_length_is_configurable() -> None:
    assert codes("gkWv3$pT", 12) == ["too_short"]


def test_all_errors_are_reported_at_once_with_pointer_and_advice() -> None:
    with pytest.raises(Validation) as refused:
        PasswordHasher(min_length=12).check("password", "/new_password", user_attributes=ANN)
    assert {(e.pointer, e.code) for e in refused.value.errors} == {
        ("/new_password", "too_short"),
        ("/new_password", "common_password"),
    }
    assert all("; use " in e.detail for e in refused.value.errors)
    assert "`" not in refused.value.detail


def test_short_names_may_be_part_of_a_password() -> None:
    assert faults("gkWv3$pT ann", 8, ["ann@shop.example", "ann"], "/password") == []


@given(st.text(min_size=0, max_size=300))
def test_composed_and_decomposed_texts_break_the_same_rules(password: str) -> None:
    assert codes(unicodedata.normalize("NFD", password)) == codes(unicodedata.normalize("NFC", password))


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=24, max_size=60))
def test_no_error_quotes_the_password(password: str) -> None:
    assert all(password not in fault.detail for fault in faults(password, 64, [password], "/password"))


def test_an_overlong_text_is_not_normalized() -> None:
    # Each mark has to be sorted among all others: composing 100,000 of them takes a minute.
    text = "a" + "\N{COMBINING ACUTE ACCENT}\N{COMBINING CEDILLA}" * 100_000
    assert len(text) > MAX_RAW_LENGTH
    assert codes(text) == ["too_long"]


def test_the_rules_are_explained_in_a_text() -> None:
    for word in ("8 characters", str(MAX_LENGTH), "common", "username", "repeated", "passphrase"):
        assert word in RULES
