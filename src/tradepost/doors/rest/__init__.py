"""The REST door."""

from .ask import Ask
from .routes import route

__all__ = ["Ask", "route"]
