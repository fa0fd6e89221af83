"""Quotes: what a request would cost, told by the door that would serve it. Nothing of the request is run.

Two ports, because the office that answers with quotes knows no doors: each door fulfils one, the composition root provides both as means. Reading
a text that the door has not seen before is paid as in a real request, and the door keeps what it made of it, so the real request finds it.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from ..problems import Fault, Problem, QuotaExceeded, TooDeep, TooExpensive, TooManyAliases
from ..schema.validation import validation_problem
from ..writes.call_context import CallContext

LIMIT_PROBLEMS = (QuotaExceeded, TooDeep, TooExpensive, TooManyAliases)
"""What a quote is refused with under its own code; all else is a fault of the member that it was asked in."""


class QuoteLine(msgspec.Struct, frozen=True):
    """One operation of a request: its name, the points that it takes before it runs, and the most rows that it can answer with."""

    operation: str
    points: int
    rows: int


class Quote(msgspec.Struct, frozen=True):
    """The points that a request would drain before it runs, and the operations that they are for."""

    points: int
    lines: list[QuoteLine]


class DocumentQuotes(Protocol):
    """Quotes GraphQL documents."""

    async def quote_document(
        self, context: CallContext, text: str, variables: dict[str, Any] | None, operation: str | None
    ) -> Quote:
        """The quote of a document, or the refusal that its request would get."""
        ...


class RequestQuotes(Protocol):
    """Quotes REST requests."""

    async def quote_request(self, context: CallContext, method: str, url: str, body: Any) -> Quote:
        """The quote of a request, or the refusal that it would get. Of the `body` only the number of a batch's items counts."""
        ...


def quote_problem(pointer: str, problems: Sequence[Problem]) -> Problem:
    """The refusal of a quote: the problems of the request that was asked about, at the member that holds it."""
    return validation_problem([Fault(code=p.code, detail=p.detail, pointer=pointer) for p in problems])
