"""What the processes of the shop say about themselves: the server's lines and ours in one form on standard error, as the access log's."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

from tradepost.settings import Settings


class TextFormatter(logging.Formatter):
    """Time, level, logger and message on a line; the traceback of a crash below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """RFC 3339 in UTC with milliseconds."""
        return moment(record)


class JSONFormatter(logging.Formatter):
    """One JSON object a line; the traceback of a crash is its member `error`."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger and message under the names that the access log uses."""
        said = {
            "time": moment(record),
            "event": "log",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(said).decode()


def moment(record: logging.LogRecord) -> str:
    """When it was said."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def logging_config(settings: Settings) -> dict[str, Any]:
    """For `logging.config.dictConfig`: Granian gives it to every worker."""
    form = {"()": JSONFormatter if settings.log_format == "json" else TextFormatter}
    level = settings.log_level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"form": form},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "form"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {"_granian": {"level": level}, "tradepost": {"level": level}},
    }
