"""Password rules: long enough and hard to guess (NIST SP 800-63B, 3.1.1.2).

There are no composition rules. The list of common passwords is Django's
(common_passwords/LICENSES.txt). It is read when the first password is checked, which takes a few
milliseconds once per process.
"""

import gzip
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tradepost.kit.problems import Fault

MIN_LENGTH, MAX_LENGTH = 8, 256
# Normalization can shorten a text, but a text longer than this stays longer than MAX_LENGTH.
MAX_RAW_LENGTH = 4 * MAX_LENGTH
MIN_NAME_LENGTH = 4
MAX_ADDED_CHARACTERS = 4
MAX_REPEATED_UNIT = 4
RULES = (
    "A password has at least 8 characters (an installation may require more) and at most 256. All characters are "
    "allowed, including spaces and those of every script, and no kind of character is required. These are rejected: "
    "the 20,000 most common passwords, in any case and with up to four digits or symbols around them; passwords that "
    "contain the username or the part of the e-mail address before the `@`, if that has 4 or more characters; a "
    "character, or a group of up to four, that is repeated; sequences of the alphabet, of digits or of the keyboard. "
    "A passphrase of a few unrelated words is a good choice."
)

COMMON_PASSWORDS_FILE = Path(__file__).parent / "common_passwords" / "common-passwords.txt.gz"
# The alphabet and the digits wrap around, so that `890123` is a sequence too.
SEQUENCES = ("abcdefghijklmnopqrstuvwxyz" * 30, "0123456789" * 30, "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm")


def normalize(password: str) -> str:
    """Return the password in NFC, so that it is the same on every keyboard.

    An overlong text is returned as it is: it is rejected anyway, and normalizing 100,000
    combining marks takes a minute.
    """
    return password if len(password) > MAX_RAW_LENGTH else unicodedata.normalize("NFC", password)


def faults(password: str, min_length: int, user_attributes: Sequence[str], pointer: str) -> list[Fault]:
    """Return everything that is wrong with a password, or an empty list.

    `user_attributes` are the username and e-mail address, which the password must not contain.
    """
    return [
        Fault(code=code, detail=detail, pointer=pointer)
        for code, detail in _check(normalize(password), min_length, user_attributes)
    ]


def _check(password: str, min_length: int, user_attributes: Sequence[str]) -> Iterator[tuple[str, str]]:
    if len(password) > MAX_LENGTH:
        yield "too_long", f"The password has more than {MAX_LENGTH} characters; use fewer."
        return  # the other rules would be slow on it
    if len(password) < min_length:
        yield (
            "too_short",
            f"The password has {len(password)} characters; use {min_length} or more, such as a few words.",
        )
    folded = password.casefold()
    if folded and (_is_repetition(folded) or _is_sequence(folded)):
        yield "too_simple", "The password is a repetition or a sequence; use a few unrelated words."
    if _is_common(folded):
        yield "common_password", "The password is one of the most common passwords; use a few unrelated words."
    if any(name in folded for name in _names(user_attributes)):
        yield "contains_name", "The password contains the username or the e-mail address; use something else."


def _names(user_attributes: Sequence[str]) -> Iterator[str]:
    """The names that a password must not contain; of an e-mail address the part before the `@`.

    Short names are skipped, because they would reject too many passwords.
    """
    for text in user_attributes:
        name = normalize(text).casefold()
        name = name.rpartition("@")[0] or name
        if len(name) >= MIN_NAME_LENGTH:
            yield name


def _is_repetition(text: str) -> bool:
    """Whether a text repeats one character or a short group; the last repetition may be cut off."""
    return any(
        text == (text[:unit] * len(text))[: len(text)] for unit in range(1, min(MAX_REPEATED_UNIT, len(text) // 2) + 1)
    )


def _is_sequence(text: str) -> bool:
    """Whether a text is part of a sequence, forwards or backwards."""
    return any(text in sequence or text[::-1] in sequence for sequence in SEQUENCES)


def _is_common(text: str) -> bool:
    """Whether a text is on the list, with or without a few digits and symbols around it."""
    common = _common_passwords()
    if text in common:
        return True
    core = text
    while core and not core[-1].isalpha():
        core = core[:-1]
    while core and not core[0].isalpha():
        core = core[1:]
    return len(text) - len(core) <= MAX_ADDED_CHARACTERS and core in common


@cache
def _common_passwords() -> frozenset[str]:
    return frozenset(gzip.decompress(COMMON_PASSWORDS_FILE.read_bytes()).decode().split("\n")) - {""}
