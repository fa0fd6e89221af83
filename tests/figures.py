"""The sizes of long scenarios, and the figures that they measure.

`just torture` sets TRADEPOST_TORTURE=1 and runs every scenario at its full size; otherwise a tenth
of it is enough. The figures of `just torture` and of failed tests are printed in the summary.
"""

import os
from collections.abc import Callable

import pytest

IS_TORTURE = os.environ.get("TRADEPOST_TORTURE") == "1"
FIGURE = "figure"

type RecordFigure = Callable[[str], None]


def scaled(full_size: int, part: int = 10) -> int:
    """Return the size of a scenario in this run: all of it under `just torture`, else a part."""
    return full_size if IS_TORTURE else max(full_size // part, 1)


@pytest.fixture
def record_figure(record_property: Callable[[str, object], None]) -> RecordFigure:
    """Return a function that records a measured figure of the test."""
    return lambda text: record_property(FIGURE, text)


def figures(reports: list[pytest.TestReport]) -> list[str]:
    """Return the recorded figures, each after the name of its test."""
    return [
        f"{report.nodeid.rpartition('::')[2]}: {text}"
        for report in reports
        for name, text in report.user_properties
        if name == FIGURE
    ]
