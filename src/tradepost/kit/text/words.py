"""Words for full-text search.

A text is normalised here, in Python, for both databases: NFKD, combining marks removed, lower
case, split at every character that is not alphanumeric. It is never passed on as query syntax.
"""

import re
import unicodedata

MAX_WORDS = 20
"""Words of one search."""
MAX_WORD_LENGTH = 64
"""Characters of a word; longer words are cut. PostgreSQL refuses a lexeme over 2,046 bytes."""
HTML_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


class _Translation(dict[int, str | None]):
    """Table for `str.translate`: drops combining marks, replaces non-alphanumerics by spaces.

    Characters below U+2000 are cached; the others are rare.
    """

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        replacement = None if unicodedata.combining(character) else character if character.isalnum() else " "
        if code < 0x2000:
            self[code] = replacement
        return replacement


_TRANSLATION = _Translation()


def words(text: str) -> tuple[str, ...]:
    """Return the distinct normalised words of a text, in order. Long words are cut."""
    normalized = unicodedata.normalize("NFKD", text).lower().translate(_TRANSLATION)
    return tuple(dict.fromkeys([word[:MAX_WORD_LENGTH] for word in normalized.split()]))


def normalize(*texts: str) -> str:
    """Return the words of several texts joined by spaces, without HTML tags.

    This is what the search tables store.
    """
    return " ".join(words(" ".join([HTML_TAG.sub(" ", text) for text in texts])))
