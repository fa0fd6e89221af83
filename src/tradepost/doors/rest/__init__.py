"""The REST door."""

from .request import Ask
from .route import route
from .token_endpoint import token_route

__all__ = ["Ask", "route", "token_route"]
