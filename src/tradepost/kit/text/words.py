"""Words."""

import re
import unicodedata

MAX_WORDS = 20
MAX_WORD_LENGTH = 64  # of a word; PostgreSQL refuses one above 2,046 bytes
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


class _Letters(dict[int, str | None]):
    """What becomes of each character for `str.translate`: a mark goes, what is not alphanumeric splits. The common ones are remembered."""

    def __missing__(self, code: int) -> str | None:
        letter = chr(code)
        made = None if unicodedata.combining(letter) else letter if letter.isalnum() else " "
        if code < 0x2000:
            self[code] = made
        return made


LETTERS = _Letters()


def words(text: str) -> tuple[str, ...]:
    """The words of a text in normal form, in order, each once; of a very long one its beginning."""
    plain = unicodedata.normalize("NFKD", text).lower().translate(LETTERS)
    return tuple(dict.fromkeys([word[:MAX_WORD_LENGTH] for word in plain.split()]))


def normalize(*texts: str) -> str:
    """The words of some texts, joined by single spaces: what a search table holds. Tags of HTML are no words."""
    return " ".join(words(" ".join([TAG.sub(" ", t) for t in texts])))
