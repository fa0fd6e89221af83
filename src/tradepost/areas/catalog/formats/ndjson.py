"""Our own NDJSON: a product record as JSON on each line. It is read line by line, and a bad line keeps out its own product only."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from tradepost.kit.problems import Problem
from tradepost.kit.schema.validation import validate

from .format import ParsedProduct, Product
from .issues import Issue, UnreadableError
from .records import ProductRecord

MARK = b"\xef\xbb\xbf"
LONGEST_LINE = 64 * 1024 * 1024


class ParsedLine(ParsedProduct):
    """A product of a line: a member of it stands at its JSON pointer."""

    def locate(self, pointer: str) -> tuple[int, str]:
        """The line, and the pointer itself."""
        return self.line, pointer


def is_ndjson(path: Path) -> bool:
    """Whether the first character that is not blank opens an object."""
    with path.open("rb") as file:
        if file.read(len(MARK)) != MARK:
            file.seek(0)
        while head := file.read(4096):
            if head := head.lstrip():
                return head.startswith(b"{")
    return False


class NdjsonFile(AbstractContextManager["NdjsonFile"]):
    """A file of lines, each a product."""

    format_title, description, generated_skus = "our own NDJSON", "UTF-8, one product a line", 0

    def __init__(self, path: Path) -> None:
        self.path = path
        self.issues: list[Issue] = []
        first = [line.strip() for _, line in islice(self._lines(), 2)]
        if len(first) == 2 and _parsed(first[0]) is None and not first[1].startswith(b"{"):
            raise UnreadableError(
                "it is JSON over several lines; NDJSON has one whole product on each line (`jq -c` writes it so)."
            )
        self.product_count = sum(1 for _ in self._lines())

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held."""

    def products(self) -> Iterator[ParsedProduct]:
        """The products in the order of the lines."""
        for number, line in self._lines():
            product, findings = _read(number, line)
            yield ParsedLine(line=number, product=product, issues=findings)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Number and text of the lines that are not blank."""
        with self.path.open("rb") as file:
            if file.read(len(MARK)) != MARK:
                file.seek(0)
            for number, line in enumerate(_bounded(file), 1):
                if not line.isspace():
                    yield number, line


def _bounded(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file, none of which may fill the memory."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise UnreadableError(
                f"a line is longer than {LONGEST_LINE >> 20} MB; NDJSON has one product on each line."
            )
        yield line


def _parsed(line: bytes) -> Product | None:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return cast(Product, found) if isinstance(found, dict) else None


def _read(number: int, line: bytes) -> tuple[Product | None, list[Issue]]:
    """The product of a line, or what keeps it out."""
    product = _parsed(line)
    if product is None:
        shown = line.strip().decode(errors="replace")
        return None, [
            Issue(line=number, column="", value=shown, message="is no JSON object in UTF-8. The product is left out.")
        ]
    try:
        validate(ProductRecord, product)
    except Problem as problem:
        faults = [(e.pointer or "", e.detail) for e in problem.errors] or [("", problem.detail)]
        return None, [
            Issue(line=number, column=at, value=_stood(product, at), message=f"{said} The product is left out.")
            for at, said in faults
        ]
    return product, []


def _stood(product: Product, pointer: str) -> str:
    """What stands at a pointer, as text."""
    found: Any = product
    for token in [t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:]]:
        if isinstance(found, dict):
            found = cast(Product, found).get(token)
        elif isinstance(found, list):
            several = cast(list[Any], found)
            found = several[int(token)] if token.isdigit() and int(token) < len(several) else None
    return found if isinstance(found, str) else "" if found is None else msgspec.json.encode(found).decode()
