"""Tradepost's own NDJSON: one `ProductRecord` as JSON on each line.

The file is read line by line, and an invalid line rejects only its own product.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from tradepost.kit.problems import Problem
from tradepost.kit.schema.validation import validate

from .format import ParsedProduct
from .issues import Issue, UnreadableError
from .records import ProductRecord
from .row_reader import JsonObject

UTF8_BOM = b"\xef\xbb\xbf"
MAX_LINE_BYTES = 64 * 1024 * 1024


class ParsedLine(ParsedProduct):
    """The product of a line. Its members are located by JSON pointer."""

    def locate(self, pointer: str) -> tuple[int, str]:
        """Return the line, and the pointer in place of a column."""
        return self.line, pointer


def is_ndjson(path: Path) -> bool:
    """Whether the first nonblank character of the file is `{`."""
    with path.open("rb") as file:
        if file.read(len(UTF8_BOM)) != UTF8_BOM:
            file.seek(0)
        while chunk := file.read(4096):
            if chunk := chunk.lstrip():
                return chunk.startswith(b"{")
    return False


class NdjsonFile(AbstractContextManager["NdjsonFile"]):
    """An NDJSON file of products."""

    format_title, description, generated_skus = "Tradepost NDJSON", "UTF-8, one product per line", 0

    def __init__(self, path: Path) -> None:
        self.path = path
        self.issues: list[Issue] = []
        first_two = [line.strip() for _, line in islice(self._lines(), 2)]
        if len(first_two) == 2 and _decode_object(first_two[0]) is None and not first_two[1].startswith(b"{"):
            raise UnreadableError(
                "It is JSON spread over several lines. NDJSON has one product on each line; `jq -c` converts it."
            )
        self.product_count = sum(1 for _ in self._lines())

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: there are no temporary files."""

    def products(self) -> Iterator[ParsedProduct]:
        """Yield the products in the order of the lines."""
        for number, line in self._lines():
            product, issues = _read_product(number, line)
            yield ParsedLine(line=number, product=product, issues=issues)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and text of the nonblank lines."""
        with self.path.open("rb") as file:
            if file.read(len(UTF8_BOM)) != UTF8_BOM:
                file.seek(0)
            for number, line in enumerate(_bounded_lines(file), 1):
                if not line.isspace():
                    yield number, line


def _bounded_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file. Raise UnreadableError before a line can exhaust the memory."""
    while line := file.readline(MAX_LINE_BYTES):
        if len(line) == MAX_LINE_BYTES:
            raise UnreadableError(
                f"A line is longer than {MAX_LINE_BYTES >> 20} MB. NDJSON has one product on each line."
            )
        yield line


def _decode_object(line: bytes) -> JsonObject | None:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return cast(JsonObject, value) if isinstance(value, dict) else None


def _read_product(number: int, line: bytes) -> tuple[JsonObject | None, list[Issue]]:
    """Return the product of a line, or None and the reasons."""
    product = _decode_object(line)
    if product is None:
        text = line.strip().decode(errors="replace")
        message = "Not a JSON object in UTF-8. The product was rejected."
        return None, [Issue(line=number, column="", value=text, message=message)]
    try:
        validate(ProductRecord, product)
    except Problem as problem:
        faults = [(e.pointer or "", e.detail) for e in problem.errors] or [("", problem.detail)]
        return None, [
            Issue(
                line=number,
                column=pointer,
                value=_value_at(product, pointer),
                message=f"{detail} The product was rejected.",
            )
            for pointer, detail in faults
        ]
    return product, []


def _value_at(product: JsonObject, pointer: str) -> str:
    """Return the value at a JSON pointer as text; empty if there is none."""
    value: Any = product
    for token in [t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:]]:
        if isinstance(value, dict):
            value = cast(JsonObject, value).get(token)
        elif isinstance(value, list):
            items = cast(list[Any], value)
            value = items[int(token)] if token.isdigit() and int(token) < len(items) else None
    return value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()
