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
from tradepost.kit.schema.money import MOST, exponent
from tradepost.kit.schema.validation import CONTROLS
from tradepost.kit.text.slugs import slug_of

from ..schemas import RESERVED, SLUG
from .csv_file import Row
from .issues import Finding
from .numbers import Sign, decimal, loose, minor
from .records import LONGEST_URL
from .spool import Claims

LONGEST_SKU, LONGEST_TAG, LONGEST_NAME, LONGEST_SLUG = 100, 60, 200, 100
MOST_IMAGES = 100
URL = re.compile(r"https?://[^\s\x00-\x1f\x7f-\x9f]+")
MARKUP = re.compile(r"<[a-zA-Z/!?]|&[a-zA-Z#]")

ONE, HALF = Decimal(1), Decimal("0.5")

type Plain = dict[str, Any]


class Taken(msgspec.Struct):
    """What a reading tells of one product: whether it is kept out, how many others among its rows are, what was found, the lines of its variants,
    its own line where that is not the first, and line, column and text of cells that no member of the record holds.
    """

    refused: bool
    others: int
    findings: list[Finding]
    lines: list[int]
    line: int | None
    lost: list[tuple[int, str, str]]


class Reading:
    """The means of a format. `names` are the header's columns as written, by their folded form; `findings` are those of the product at hand."""

    def __init__(self, names: Mapping[str, str], *, currency: str, sign: Sign, moment: datetime, spool: Claims) -> None:
        self.names, self.currency, self.moment, self.spool = names, currency, moment, spool
        self.sign: Sign = sign
        self.decimals = exponent(currency)
        self.findings: list[Finding] = []
        self.lines: list[int] = []
        self.line: int | None = None
        self.lost: list[tuple[int, str, str]] = []
        self.spellings: dict[Sequence[str], str] = {}
        self.refused, self.others, self.made_skus = False, 0, 0

    def column(self, spellings: Sequence[str]) -> str:
        """The column that the file has, of those that mean the same."""
        if (found := self.spellings.get(spellings)) is None:
            found = self.spellings[spellings] = next((c for c in spellings if c in self.names), spellings[0])
        return found

    def mend(self, row: Row, column: str, said: str, stood: str | None = None, *, lost: bool = False) -> None:
        """Tells of a fault that is mended; `lost` keeps the cell, which no member of the record holds now."""
        self._find(row, column, said, stood, mended=True)
        if lost:
            self.lost.append((row.line, column, row[column]))

    def refuse(self, row: Row, column: str, said: str, stood: str | None = None) -> None:
        """Tells of a fault that keeps the product out."""
        self.refused = True
        self._find(row, column, f"{said} The product is left out.", stood, mended=False)

    def refuse_other(self, row: Row, column: str, said: str) -> None:
        """Tells of a fault that keeps out another product, whose row stands among those of the product at hand."""
        self.others += 1
        self._find(row, column, f"{said} It is left out.", None, mended=False)

    def _find(self, row: Row, column: str, said: str, stood: str | None, *, mended: bool) -> None:
        shown = row[column] if stood is None else stood
        self.findings.append(
            Finding(line=row.line, column=self.names.get(column, column), stood=shown, said=said, mended=mended)
        )

    def text(self, row: Row, column: str, longest: int = LONGEST_NAME, given: str | None = None) -> str:
        """A cell, or what is given of it, as one line of text without control characters."""
        given = row[column] if given is None else given
        if given.isascii() and given.isprintable():
            return self._cut(row, column, given, longest)
        plain = " ".join(given.translate(CONTROLS).split())
        if "\ufffd" in plain:
            self.mend(row, column, "holds a character that the file's encoding does not know; check it.", given)
        return self._cut(row, column, plain, longest)

    def _cut(self, row: Row, column: str, text: str, longest: int) -> str:
        if len(text) <= longest:
            return text
        self.mend(
            row, column, f"is longer than {longest} characters; cut there, and kept whole in `source`.", lost=True
        )
        return text[:longest].strip()

    def html(self, row: Row, column: str, given: str | None = None) -> str:
        """A cell, or what is given of it, as clean HTML: what a sanitiser knows to be harmless. Plain text stays as it is."""
        given = row[column] if given is None else given
        if not (given.isascii() and given.isprintable()):
            given = given.replace("\r\n", "\n").replace("\r", "\n").translate(CONTROLS)
        if not MARKUP.search(given):
            return given
        clean = nh3.clean(given).strip()
        if "<script" in given.lower() or "javascript:" in given.lower():
            self.mend(row, column, "holds a script; taken out.", given)
        return clean

    def price(self, row: Row, column: str) -> Plain | None:
        """A price as Money; None where the cell is empty, or is none and was refused."""
        text = row[column]
        if not text:
            return None
        number = decimal(text, self.sign)
        if number is None:
            self.refuse(
                row,
                column,
                f"is no price; write it like {12.5 if self.decimals else 12} with the decimal sign `{self.sign}` and without a currency.",
            )
            return None
        amount = minor(number, self.decimals)
        if amount is None:
            self.refuse(row, column, f"has more decimals than {self.currency}, which has {self.decimals}.")
            return None
        if amount > MOST:
            self.refuse(row, column, "is too large for a price.")
            return None
        return {"amount": amount, "currency": self.currency}

    def whole(self, row: Row, column: str) -> int | None:
        """A count such as a stock; None where the cell is empty or is none, which is told."""
        text = row[column]
        if not text:
            return None
        found = re.fullmatch(r"([+-]?\d+)(?:[.,]0*)?", text)
        if found and -(2**31) <= (number := int(found[1])) < 2**31:
            return number
        self.mend(row, column, "is no whole number; left empty, and kept in `source`.", lost=True)
        return None

    def grams(self, row: Row, column: str, unit: Decimal = ONE) -> int | None:
        """A weight in whole grams, halves up; `unit` is how many grams one of the column's has."""
        text = row[column]
        if not text:
            return None
        number = loose(text)
        weight = None if number is None else int(number * unit + HALF)
        if weight is None or weight > 100_000_000:
            self.mend(row, column, "is no weight; left empty, and kept in `source`.", lost=True)
            return None
        return weight

    def slugs(self, row: Row, column: str, words: Sequence[str]) -> list[str]:
        """Words as tags: slugs, each once, at most 100."""
        found = dict.fromkeys([s for w in words if (s := slug_of(w, "")[:LONGEST_TAG].strip("-"))])
        if lost := [w for w in words if w and not slug_of(w, "")]:
            self.mend(row, column, "is no tag in Latin letters; kept in `source` only.", lost[0])
        if len(found) > 100:
            self.mend(row, column, f"has {len(found)} tags; the first 100 are kept.", row[column])
        return [*found][:100]

    def url(self, row: Row, column: str, given: str | None = None) -> str:
        """An address of the web in a cell, or in what is given of it; empty where there is none. What is no address is told."""
        given = row[column] if given is None else given
        if not given or (URL.fullmatch(given) and len(given) <= LONGEST_URL):
            return given
        self.mend(row, column, "is no address of the web (http or https); kept in `source` only.", given, lost=True)
        return ""

    def images(self, found: Sequence[Plain], row: Row) -> list[Plain]:
        """Images, each address once, at most 100."""
        first: dict[str, Plain] = {}
        for image in found:
            first.setdefault(image["source_url"], image)
        once = [*first.values()]
        if len(once) > MOST_IMAGES:
            self.mend(row, "", f"the product has {len(once)} images; the first {MOST_IMAGES} are kept.")
        return once[:MOST_IMAGES]

    def named(self, cells: Mapping[str, str]) -> Plain:
        """Cells by the names of their columns as the file writes them, without control characters."""
        return {
            self.names[c]: cell if cell.isascii() and cell.isprintable() else cell.translate(CONTROLS)
            for c, cell in cells.items()
        }

    def slug(self, text: str) -> Plain:
        """A text as the product's slug, if it can be one as it stands; else the shop makes one from the name."""
        fits = (
            bool(re.fullmatch(SLUG, text))
            and len(text) <= LONGEST_SLUG
            and text not in RESERVED
            and parse_id(text) is None
        )
        return {"slug": text} if fits else {}

    def sku(self, row: Row, column: str, product: str, options: Mapping[str, str]) -> tuple[str, bool]:
        """The SKU of a variant, and whether it is the file's own; a blank or taken one is made from the product and the options, alike in each run."""
        given = self.text(row, column, LONGEST_SKU)
        if given and self.spool.claim(given):
            return given, True
        parts = [slug_of(product, ""), *[slug_of(v, "") for v in options.values()]]
        made = "-".join([p for p in parts if p])[: LONGEST_SKU - 9].strip("-")
        if not all(parts) or not self.spool.claim(made):
            made = (
                f"{made}-{xxhash.xxh3_64_hexdigest(msgspec.json.encode([product, options], order='sorted'))[:8]}".strip(
                    "-"
                )
            )
            while not self.spool.claim(made):
                made += "x"
        if given:
            self.mend(row, column, f"is the SKU of another variant in this file; this one is called `{made}`.")
        self.made_skus += not given
        return made, False

    def take(self) -> "Taken":
        """What became of the product at hand; the next one begins."""
        taken = Taken(
            refused=self.refused,
            others=self.others,
            findings=self.findings,
            lines=self.lines,
            line=self.line,
            lost=self.lost,
        )
        self.findings, self.lines, self.lost, self.line, self.refused, self.others = [], [], [], None, False, 0
        return taken
