"""Lines of the log, in both forms."""

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
    """What is logged when something broke."""
    try:
        raise RuntimeError("no stock\nat all")
    except RuntimeError:
        record = logging.LogRecord(
            "tradepost.porch", logging.ERROR, __file__, 1, "request %s broke", ("r1",), sys.exc_info()
        )
        record.created = 1767225600.5
        yield record


def test_json_is_one_object_a_line_whatever_is_in_it(crash: logging.LogRecord) -> None:
    line = JSONFormatter().format(crash)
    assert "\n" not in line
    said = msgspec.json.decode(line)
    assert said.pop("error").endswith("RuntimeError: no stock\nat all")
    assert said == {
        "time": "2026-01-01T00:00:00.500Z",
        "event": "log",
        "level": "error",
        "logger": "tradepost.porch",
        "message": "request r1 broke",
    }


def test_text_begins_with_time_level_and_logger_and_has_the_traceback_below(crash: logging.LogRecord) -> None:
    first, *rest = TextFormatter().format(crash).splitlines()
    assert first == "2026-01-01T00:00:00.500Z ERROR tradepost.porch request r1 broke"
    assert rest[-2:] == ["RuntimeError: no stock", "at all"]


@pytest.mark.parametrize(("form", "kind"), [("text", TextFormatter), ("json", JSONFormatter)])
def test_the_settings_choose_form_and_level(form: str, kind: type) -> None:
    config = logging_config(
        Settings.read({"SECRET_KEY": "x" * 32, "LOG_FORMAT": form, "LOG_LEVEL": "debug"}, env_file=None)
    )
    assert config["formatters"]["form"] == {"()": kind}
    assert config["loggers"] == {"_granian": {"level": "DEBUG"}, "tradepost": {"level": "DEBUG"}}
    logging.config.DictConfigurator(config).configure_formatter(config["formatters"]["form"])
