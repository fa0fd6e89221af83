"""Price quotes: what a request would cost, without running it.

The door that would serve the request quotes it. There are two protocols, because the `system`
area, which returns quotes, does not import the doors: each door implements one, and bootstrap
provides both as dependencies. Parsing a text that is new to the door is charged as in a real
request, and the door caches the result for that.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from ..problems import Fault, Problem, QuotaExceeded, TooDeep, TooExpensive, TooManyAliases
from ..schema.validation import validation_problem
from ..writes.call_context import CallContext

LIMIT_PROBLEMS = (QuotaExceeded, TooDeep, TooExpensive, TooManyAliases)
"""Problems that a quote raises as they are; others become faults of the quoted member."""


class QuoteLine(msgspec.Struct, frozen=True):
    """One operation of a request: its name, the points it is charged, and the most rows."""

    operation: str
    points: int
    rows: int


class Quote(msgspec.Struct, frozen=True):
    """The points that a request is charged before it runs, and its operations."""

    points: int
    lines: list[QuoteLine]


class DocumentQuotes(Protocol):
    """Quotes GraphQL documents."""

    async def quote_document(
        self, context: CallContext, text: str, variables: dict[str, Any] | None, operation: str | None
    ) -> Quote:
        """Return the quote of a document, or raise the problem that its request would get."""
        ...


class RequestQuotes(Protocol):
    """Quotes REST requests."""

    async def quote_request(self, context: CallContext, method: str, url: str, body: Any) -> Quote:
        """Return the quote of a request, or raise the problem that it would get.

        Of the body only the number of batch items is used.
        """
        ...


def quote_problem(pointer: str, problems: Sequence[Problem]) -> Problem:
    """Return the problems of the quoted request as faults of the member that holds it."""
    return validation_problem([Fault(code=p.code, detail=p.detail, pointer=pointer) for p in problems])
