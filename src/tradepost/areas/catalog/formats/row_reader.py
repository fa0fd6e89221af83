"""What a format reads cells with: texts cleaned, prices exact, faults told. One reading serves a whole file, product after product."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import nh3
import xxhash

from tradepost.kit.ids import parse_id
from tradepost.kit.schema.money import MAX_AMOUNT, exponent
from tradepost.kit.schema.validation import CONTROL_CHARACTERS
from tradepost.kit.text.slugs import slugify

from ..schemas import RESERVED_SLUGS, SLUG_PATTERN
from .csv_file import Row
from .issues import Issue
from .numbers import DecimalSeparator, parse_decimal, parse_measure, to_minor_units
from .records import MAX_URL_LENGTH
from .spool import Claims

LONGEST_SKU, LONGEST_TAG, LONGEST_NAME, LONGEST_SLUG = 100, 60, 200, 100
MOST_IMAGES = 100
URL_PATTERN = re.compile(r"https?://[^\s\x00-\x1f\x7f-\x9f]+")
MARKUP = re.compile(r"<[a-zA-Z/!?]|&[a-zA-Z#]")

ONE, HALF = Decimal(1), Decimal("0.5")

type JsonObject = dict[str, Any]


class RowReaderResult(msgspec.Struct):
    """What a reading tells of one product: whether it is kept out, how many others among its rows are, what was found, the lines of its variants,
    its own line where that is not the first, and line, column and text of cells that no member of the record holds.
    """

    rejected: bool
    other_rejected: int
    issues: list[Issue]
    variant_lines: list[int]
    product_line: int | None
    preserved: list[tuple[int, str, str]]


class RowReader:
    """The means of a format. `names` are the header's columns as written, by their folded form; `findings` are those of the product at hand."""

    def __init__(
        self, names: Mapping[str, str], *, currency: str, sign: DecimalSeparator, moment: datetime, spool: Claims
    ) -> None:
        self.column_names, self.currency, self.now, self.claims = names, currency, moment, spool
        self.decimal_separator: DecimalSeparator = sign
        self.decimals = exponent(currency)
        self.issues: list[Issue] = []
        self.variant_lines: list[int] = []
        self.product_line: int | None = None
        self.preserved: list[tuple[int, str, str]] = []
        self.spellings: dict[Sequence[str], str] = {}
        self.rejected, self.other_rejected, self.generated_skus = False, 0, 0

    def find_column(self, spellings: Sequence[str]) -> str:
        """The column that the file has, of those that mean the same."""
        if (found := self.spellings.get(spellings)) is None:
            found = self.spellings[spellings] = next((c for c in spellings if c in self.column_names), spellings[0])
        return found

    def repair(self, row: Row, column: str, said: str, stood: str | None = None, *, preserve: bool = False) -> None:
        """Tells of a fault that is mended; `lost` keeps the cell, which no member of the record holds now."""
        self._find(row, column, said, stood, mended=True)
        if preserve:
            self.preserved.append((row.line, column, row[column]))

    def reject(self, row: Row, column: str, said: str, stood: str | None = None) -> None:
        """Tells of a fault that keeps the product out."""
        self.rejected = True
        self._find(row, column, f"{said} The product is left out.", stood, mended=False)

    def reject_other(self, row: Row, column: str, said: str) -> None:
        """Tells of a fault that keeps out another product, whose row stands among those of the product at hand."""
        self.other_rejected += 1
        self._find(row, column, f"{said} It is left out.", None, mended=False)

    def _find(self, row: Row, column: str, said: str, stood: str | None, *, mended: bool) -> None:
        shown = row[column] if stood is None else stood
        self.issues.append(
            Issue(
                line=row.line, column=self.column_names.get(column, column), value=shown, message=said, repaired=mended
            )
        )

    def text(self, row: Row, column: str, longest: int = LONGEST_NAME, given: str | None = None) -> str:
        """A cell, or what is given of it, as one line of text without control characters."""
        given = row[column] if given is None else given
        if given.isascii() and given.isprintable():
            return self._cut(row, column, given, longest)
        plain = " ".join(given.translate(CONTROL_CHARACTERS).split())
        if "\ufffd" in plain:
            self.repair(row, column, "holds a character that the file's encoding does not know; check it.", given)
        return self._cut(row, column, plain, longest)

    def _cut(self, row: Row, column: str, text: str, longest: int) -> str:
        if len(text) <= longest:
            return text
        self.repair(
            row, column, f"is longer than {longest} characters; cut there, and kept whole in `source`.", preserve=True
        )
        return text[:longest].strip()

    def html(self, row: Row, column: str, given: str | None = None) -> str:
        """A cell, or what is given of it, as clean HTML: what a sanitiser knows to be harmless. Plain text stays as it is."""
        given = row[column] if given is None else given
        if not (given.isascii() and given.isprintable()):
            given = given.replace("\r\n", "\n").replace("\r", "\n").translate(CONTROL_CHARACTERS)
        if not MARKUP.search(given):
            return given
        clean = nh3.clean(given).strip()
        if "<script" in given.lower() or "javascript:" in given.lower():
            self.repair(row, column, "holds a script; taken out.", given)
        return clean

    def price(self, row: Row, column: str) -> JsonObject | None:
        """A price as Money; None where the cell is empty, or is none and was refused."""
        text = row[column]
        if not text:
            return None
        number = parse_decimal(text, self.decimal_separator)
        if number is None:
            self.reject(
                row,
                column,
                f"is no price; write it like {12.5 if self.decimals else 12} with the decimal sign `{self.decimal_separator}` and without a currency.",
            )
            return None
        amount = to_minor_units(number, self.decimals)
        if amount is None:
            self.reject(row, column, f"has more decimals than {self.currency}, which has {self.decimals}.")
            return None
        if amount > MAX_AMOUNT:
            self.reject(row, column, "is too large for a price.")
            return None
        return {"amount": amount, "currency": self.currency}

    def integer(self, row: Row, column: str) -> int | None:
        """A count such as a stock; None where the cell is empty or is none, which is told."""
        text = row[column]
        if not text:
            return None
        found = re.fullmatch(r"([+-]?\d+)(?:[.,]0*)?", text)
        if found and -(2**31) <= (number := int(found[1])) < 2**31:
            return number
        self.repair(row, column, "is no whole number; left empty, and kept in `source`.", preserve=True)
        return None

    def grams(self, row: Row, column: str, unit: Decimal = ONE) -> int | None:
        """A weight in whole grams, halves up; `unit` is how many grams one of the column's has."""
        text = row[column]
        if not text:
            return None
        number = parse_measure(text)
        weight = None if number is None else int(number * unit + HALF)
        if weight is None or weight > 100_000_000:
            self.repair(row, column, "is no weight; left empty, and kept in `source`.", preserve=True)
            return None
        return weight

    def tags(self, row: Row, column: str, words: Sequence[str]) -> list[str]:
        """Words as tags: slugs, each once, at most 100."""
        found = dict.fromkeys([s for w in words if (s := slugify(w, "")[:LONGEST_TAG].strip("-"))])
        if lost := [w for w in words if w and not slugify(w, "")]:
            self.repair(row, column, "is no tag in Latin letters; kept in `source` only.", lost[0])
        if len(found) > 100:
            self.repair(row, column, f"has {len(found)} tags; the first 100 are kept.", row[column])
        return [*found][:100]

    def url(self, row: Row, column: str, given: str | None = None) -> str:
        """An address of the web in a cell, or in what is given of it; empty where there is none. What is no address is told."""
        given = row[column] if given is None else given
        if not given or (URL_PATTERN.fullmatch(given) and len(given) <= MAX_URL_LENGTH):
            return given
        self.repair(
            row, column, "is no address of the web (http or https); kept in `source` only.", given, preserve=True
        )
        return ""

    def images(self, found: Sequence[JsonObject], row: Row) -> list[JsonObject]:
        """Images, each address once, at most 100."""
        first: dict[str, JsonObject] = {}
        for image in found:
            first.setdefault(image["source_url"], image)
        once = [*first.values()]
        if len(once) > MOST_IMAGES:
            self.repair(row, "", f"the product has {len(once)} images; the first {MOST_IMAGES} are kept.")
        return once[:MOST_IMAGES]

    def by_column_name(self, cells: Mapping[str, str]) -> JsonObject:
        """Cells by the names of their columns as the file writes them, without control characters."""
        return {
            self.column_names[c]: cell if cell.isascii() and cell.isprintable() else cell.translate(CONTROL_CHARACTERS)
            for c, cell in cells.items()
        }

    def slug_member(self, text: str) -> JsonObject:
        """A text as the product's slug, if it can be one as it stands; else the shop makes one from the name."""
        fits = (
            bool(re.fullmatch(SLUG_PATTERN, text))
            and len(text) <= LONGEST_SLUG
            and text not in RESERVED_SLUGS
            and parse_id(text) is None
        )
        return {"slug": text} if fits else {}

    def sku(self, row: Row, column: str, product: str, options: Mapping[str, str]) -> tuple[str, bool]:
        """The SKU of a variant, and whether it is the file's own; a blank or taken one is made from the product and the options, alike in each run."""
        given = self.text(row, column, LONGEST_SKU)
        if given and self.claims.claim_sku(given):
            return given, True
        parts = [slugify(product, ""), *[slugify(v, "") for v in options.values()]]
        made = "-".join([p for p in parts if p])[: LONGEST_SKU - 9].strip("-")
        if not all(parts) or not self.claims.claim_sku(made):
            made = (
                f"{made}-{xxhash.xxh3_64_hexdigest(msgspec.json.encode([product, options], order='sorted'))[:8]}".strip(
                    "-"
                )
            )
            while not self.claims.claim_sku(made):
                made += "x"
        if given:
            self.repair(row, column, f"is the SKU of another variant in this file; this one is called `{made}`.")
        self.generated_skus += not given
        return made, False

    def finish_product(self) -> "RowReaderResult":
        """What became of the product at hand; the next one begins."""
        taken = RowReaderResult(
            rejected=self.rejected,
            other_rejected=self.other_rejected,
            issues=self.issues,
            variant_lines=self.variant_lines,
            product_line=self.product_line,
            preserved=self.preserved,
        )
        self.issues, self.variant_lines, self.preserved, self.product_line, self.rejected, self.other_rejected = (
            [],
            [],
            [],
            None,
            False,
            0,
        )
        return taken
