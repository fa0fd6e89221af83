"""What a reader has to say about a file: one line each, with its place."""

from msgspec import Struct

LONGEST = 80


class Issue(Struct, frozen=True, kw_only=True):
    """A fault in a file: where it stands, what stood there, and what was done or is to be done. `mended` ones keep nothing out."""

    line: int
    column: str
    value: str
    message: str
    repaired: bool = False

    def text(self, file: str) -> str:
        """The fault as one line."""
        stood = self.value if len(self.value) <= LONGEST else f"{self.value[:LONGEST]}..."
        where = [
            f"{file}:{self.line}",
            *([self.column] if self.column else []),
            *([f'"{" ".join(stood.split())}"'] if stood else []),
        ]
        return ": ".join([*where, self.message])


class UnreadableError(Exception):
    """The file as a whole cannot be read; the text says why, and what to do."""
