"""Log lines, as text and as JSON."""

import logging
import logging.config
import sys
from collections.abc import Iterator

import msgspec
import pytest

from tradepost.logging_config import JSONFormatter, TextFormatter, logging_config
from tradepost.settings import Settings


@pytest.fixture
def crash() -> Iterator[logging.LogRecord]:
    """The log record of an exception."""
    try:
        raise RuntimeError("no stock\nat all")
    except RuntimeError:
        record = logging.LogRecord(
            "tradepost.pipeline", logging.ERROR, __file__, 1, "request %s failed", ("r1",), sys.exc_info()
        )
        record.created = 1767225600.5
        yield record


def test_a_json_record_is_one_line_even_with_a_traceback(crash: logging.LogRecord) -> None:
    line = JSONFormatter().format(crash)
    assert "\n" not in line
    members = msgspec.json.decode(line)
    assert members.pop("error").endswith("RuntimeError: no stock\nat all")
    assert members == {
        "time": "2026-01-01T00:00:00.500Z",
        "event": "log",
        "level": "error",
        "logger": "tradepost.pipeline",
        "message": "request r1 failed",
    }


def test_a_text_record_begins_with_time_level_and_logger_and_ends_with_the_traceback(crash: logging.LogRecord) -> None:
    first, *rest = TextFormatter().format(crash).splitlines()
    assert first == "2026-01-01T00:00:00.500Z ERROR tradepost.pipeline request r1 failed"
    assert rest[-2:] == ["RuntimeError: no stock", "at all"]


@pytest.mark.parametrize(("format", "formatter"), [("text", TextFormatter), ("json", JSONFormatter)])
def test_the_settings_choose_format_and_level(format: str, formatter: type) -> None:
    config = logging_config(
        Settings.read({"SECRET_KEY": "x" * 32, "LOG_FORMAT": format, "LOG_LEVEL": "debug"}, env_file=None)
    )
    assert config["formatters"]["default"] == {"()": formatter}
    assert config["loggers"] == {"_granian": {"level": "DEBUG"}, "tradepost": {"level": "DEBUG"}}
    logging.config.DictConfigurator(config).configure_formatter(config["formatters"]["default"])
