"""Detects the format and the decimal separator of a CSV file."""

from collections.abc import Sequence

from .csv_file import CsvFile
from .format import Format
from .issues import UnreadableError
from .numbers import DecimalSeparator, SeparatorEvidence

# Only a number with three decimals can also be one with grouped thousands.
AMBIGUOUS_DECIMALS = 3
NDJSON_EXAMPLE = "Tradepost NDJSON: one product as JSON on each line"


def detect_format(csv_file: CsvFile, formats: Sequence[Format]) -> Format:
    """Return the format whose required columns are all in the header.

    If several match, the one that requires the most columns wins. Raise UnreadableError if none
    does.
    """
    columns = csv_file.columns
    matching = [f for f in formats if not f.missing_columns(columns)]
    if matching:
        return max(matching, key=lambda f: len(f.required_columns))
    closest = max(
        formats,
        key=lambda f: (1 - len(f.missing_columns(columns)) / len(f.required_columns), len(f.required_columns)),
    )
    known = "".join([f"\n  {f.title}: {f.example}" for f in formats])
    missing = ", ".join([f"`{column}`" for column in closest.missing_columns(columns)])
    header = ", ".join(csv_file.header)[:300]
    raise UnreadableError(
        f"The header matches no known format: {header}\n"
        f"The closest is {closest.title}; missing from the header: {missing}. "
        f"Known formats:{known}\n  {NDJSON_EXAMPLE}"
    )


def detect_decimal_separator(
    evidence: SeparatorEvidence, csv_file: CsvFile, *, decimals: int | None
) -> DecimalSeparator:
    """Return the decimal separator of some numbers in a file.

    If all that they have is numbers such as `1.290`, that is a dot in a file with commas between
    its cells, if the format always writes numbers with these decimals. `decimals` is how many, or
    None if the format does not say. Raise UnreadableError for other numbers that leave it open.
    """
    if (separator := evidence.separator()) is not None:
        return separator
    if evidence.is_contradictory:
        dot, comma = evidence.witnesses["."], evidence.witnesses[","]
        raise UnreadableError(
            f"The numbers use different decimal separators: `{dot.text}` in line {dot.line}, "
            f"`{comma.text}` in line {comma.line}. Pass `--decimal .` or `--decimal ,`; "
            "numbers with the other one are then reported."
        )
    if not evidence.ambiguous:
        return "."
    if decimals == AMBIGUOUS_DECIMALS and csv_file.delimiter == "," and [*evidence.ambiguous] == ["."]:
        return "."
    witness = next(iter(evidence.ambiguous.values()))
    raise UnreadableError(
        f"It is unclear whether numbers such as `{witness.text}` in line {witness.line} have decimals or a "
        "thousands separator. Pass `--decimal .` or `--decimal ,`."
    )
