"""Detects the format and the decimal separator of a CSV file."""

from collections.abc import Sequence

from .csv_file import CsvFile
from .format import Format
from .issues import UnreadableError
from .numbers import DecimalSeparator, SeparatorEvidence

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


def detect_decimal_separator(evidence: SeparatorEvidence, format: Format) -> DecimalSeparator:
    """Return the decimal separator that the prices of a file use.

    Raise UnreadableError if the prices leave it open, unless the format always uses a dot.
    """
    if (separator := evidence.separator()) is not None:
        return separator
    if evidence.ambiguous is None or format.defaults_to_dot:
        return "."
    raise UnreadableError(
        f"It is unclear whether prices such as `{evidence.ambiguous}` have decimals or a thousands separator. "
        "Pass `--decimal .` or `--decimal ,`."
    )
