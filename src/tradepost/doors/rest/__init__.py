"""The REST door."""

from .ask import Ask
from .oauth import token_route
from .routes import route

__all__ = ["Ask", "route", "token_route"]
