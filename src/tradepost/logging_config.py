"""Logging to standard error: Granian's messages and ours in one format, that of the access log."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

from tradepost.settings import Settings


class TextFormatter(logging.Formatter):
    """One line of time, level, logger and message, followed by the traceback if there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Return the time in UTC as RFC 3339 with milliseconds."""
        return _timestamp(record)


class JSONFormatter(logging.Formatter):
    """One JSON object per line; a traceback is its member `error`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, with the member names of the access log."""
        document = {
            "time": _timestamp(record),
            "event": "log",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(document).decode()


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def logging_config(settings: Settings) -> dict[str, Any]:
    """Return the `logging.config.dictConfig` configuration of Granian and the worker."""
    formatter = {"()": JSONFormatter if settings.log_format == "json" else TextFormatter}
    level = settings.log_level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"default": formatter},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "default"}
        },
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {"_granian": {"level": level}, "tradepost": {"level": level}},
    }
