"""Which passwords are taken: long enough and not easily guessed (NIST SP 800-63B, 3.1.1.2). There are no rules of composition.

The list of common passwords is Django's (common_passwords/LICENSES.txt). It is read when the first password is checked, which takes some
milliseconds once in a process.
"""

import gzip
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tradepost.kit.problems import Fault

MIN_LENGTH, MAX_LENGTH = 8, 256
# Composing marks can make a text shorter; whatever is longer than this before cannot be short enough after.
MAX_RAW_LENGTH = 4 * MAX_LENGTH
LEAST_NAME = 4
MOST_ADDED = 4
LONGEST_UNIT = 4
RULES = (
    "A password has at least 8 characters (an installation may ask for more) and at most 256, spaces and signs of all scripts among them; no kind of character "
    "has to be in it. Refused are: the 20,000 most common passwords, in any case and also with up to four digits or signs around them; "
    "what contains the user name or the part of the e-mail address before the `@`, where that has 4 characters or more; "
    "one character or a group of up to four again and again; rows of the alphabet, of digits or of the keyboard. "
    "Good is a passphrase: a few words that have nothing to do with each other."
)

LIST = Path(__file__).parent / "common_passwords" / "common-passwords.txt.gz"
# The alphabet and the digits go around, so that `890123` is a row too.
ROWS = ("abcdefghijklmnopqrstuvwxyz" * 30, "0123456789" * 30, "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm")


def normalize(password: str) -> str:
    """The password in NFC, so that it is the same from every keyboard. An overlong text stays as it is: it is refused, and composing it would cost time."""
    return password if len(password) > MAX_RAW_LENGTH else unicodedata.normalize("NFC", password)


def faults(password: str, least: int, about: Sequence[str], pointer: str) -> list[Fault]:
    """All that is wrong with a password for somebody who is called this; empty where it is good."""
    return [
        Fault(code=code, detail=detail, pointer=pointer) for code, detail in _found(normalize(password), least, about)
    ]


def _found(password: str, least: int, about: Sequence[str]) -> Iterator[tuple[str, str]]:
    if len(password) > MAX_LENGTH:
        yield "too_long", f"The password has more than {MAX_LENGTH} characters; use fewer."
        return  # the other rules would be slow on it, and it is out in any case
    if len(password) < least:
        yield "too_short", f"The password has {len(password)} characters; use {least} or more, such as a few words."
    folded = password.casefold()
    if folded and (_repeats(folded) or _is_row(folded)):
        yield (
            "too_simple",
            "The password is a repetition or a row of neighbours; use a few words that have nothing to do with each other.",
        )
    if _is_common(folded):
        yield (
            "common_password",
            "The password is among the most common ones, which are tried first; use a few words that have nothing to do with each other.",
        )
    if any(name in folded for name in _names(about)):
        yield "contains_name", "The password contains the user name or the e-mail address; leave them out."


def _names(about: Sequence[str]) -> Iterator[str]:
    """What somebody is called, of an e-mail address the part before the `@`; short names would refuse too much."""
    for text in about:
        name = normalize(text).casefold()
        name = name.rpartition("@")[0] or name
        if len(name) >= LEAST_NAME:
            yield name


def _repeats(text: str) -> bool:
    """Whether it is made of one character or a short group again and again; the last time may be cut short."""
    return any(
        text == (text[:unit] * len(text))[: len(text)] for unit in range(1, min(LONGEST_UNIT, len(text) // 2) + 1)
    )


def _is_row(text: str) -> bool:
    """Whether its characters stand side by side, forwards or backwards."""
    return any(text in row or text[::-1] in row for row in ROWS)


def _is_common(text: str) -> bool:
    """Whether it is on the list, as it is or without the few digits and signs around it that everybody adds."""
    known = _common()
    if text in known:
        return True
    core = text
    while core and not core[-1].isalpha():
        core = core[:-1]
    while core and not core[0].isalpha():
        core = core[1:]
    return len(text) - len(core) <= MOST_ADDED and core in known


@cache
def _common() -> frozenset[str]:
    return frozenset(gzip.decompress(LIST.read_bytes()).decode().split("\n")) - {""}
