"""Issues in a product file, each reported as one line with its place."""

from typing import Literal

from msgspec import Struct

MAX_SHOWN = 80

type Severity = Literal["warning", "error"]


class Issue(Struct, frozen=True, kw_only=True):
    """A fault in a file: line, column, the value found, what is wrong with it and how to fix it.

    A "warning" was repaired and the product imported. An "error" means that a product or row was
    rejected.
    """

    line: int
    column: str
    value: str
    message: str
    fix: str = ""
    severity: Severity = "error"

    @property
    def repaired(self) -> bool:
        """Whether the product was imported despite the issue."""
        return self.severity == "warning"

    @property
    def advice(self) -> str:
        """The message, followed by the fix if there is one."""
        return f"{self.message} {self.fix}".rstrip()

    def text(self, file_name: str) -> str:
        """Return the issue as one line: `file:line: column: "value": message`."""
        value = self.value if len(self.value) <= MAX_SHOWN else f"{self.value[:MAX_SHOWN]}..."
        place = [
            f"{file_name}:{self.line}",
            *([self.column] if self.column else []),
            *([f'"{" ".join(value.split())}"'] if value else []),
        ]
        return ": ".join([*place, self.advice])


class UnreadableError(Exception):
    """The file cannot be read at all. The text gives the reason and the fix."""
