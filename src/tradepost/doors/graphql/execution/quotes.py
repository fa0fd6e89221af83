"""Quotes of GraphQL documents: read, validated, compiled and priced as in a request, up to the point where it would be run."""

from typing import Any

from tradepost.kit.operations.quotes import CEILINGS, Line, Quote, faulty
from tradepost.kit.problems import Fault, Problem
from tradepost.kit.resource.selection import check
from tradepost.kit.schema.validation import refusal
from tradepost.kit.writes.call_context import CallContext

from ..documents.requests import Request
from ..plan.arguments import Variables
from ..plan.batch_plan import BatchRoot
from ..plan.root_plans import Constant, OneRoot, PageRoot, Root
from ..problems import DocumentNotTrusted, InvalidVariables, Refused, UnknownOperation
from .executor import Executor

DOCUMENT = "/document"
POINTERS = {InvalidVariables.code: "/variables", UnknownOperation.code: "/operation_name"}
"""Where a fault is that is not one of the document's own."""


class Quotes:
    """The quotes of one executor."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    async def of_document(
        self, context: CallContext, text: str, variables: dict[str, Any] | None, operation: str | None
    ) -> Quote:
        """The quote of a document, or the refusal that its request would get: a ceiling's own, else 422 with the faults."""
        request = Request(text, variables, operation)
        if not self.executor.knows(request):
            await context.meter.admit_text()
        try:
            ready = self.executor.prepare(request, context)
        except Refused as refused:
            raise _refusal(refused) from None
        if found := [p for p in [self.fault(root, ready.variables, context) for root in ready.roots] if p is not None]:
            raise faulty(DOCUMENT, found)
        priced = [(r, p) for r, p in zip(ready.roots, ready.prices, strict=True) if not isinstance(r, Constant)]
        return Quote(ready.points, [Line(name_of(r), p.points, p.rows) for r, p in priced])

    def fault(self, root: Root, variables: Variables, context: CallContext) -> Problem | None:
        """What a root field would be refused with, as far as that can be told before it is run."""
        try:
            root.access.check(context.caller)
            if isinstance(root, OneRoot | PageRoot | BatchRoot):
                check(root.field.operation.of, root.want.form.fields, context.caller)
            root.price(context, variables)
        except CEILINGS:
            raise
        except Exception as fault:
            return self.executor.problem(fault, context)
        return None


def name_of(root: Root) -> str:
    """The operation behind a root field; `node`, `nodes` and looks at the schema have none and are called as they are written."""
    return root.field.operation.name if isinstance(root, OneRoot | PageRoot | BatchRoot) else root.nodes[0].name.value


def _refusal(refused: Refused) -> Problem:
    if refused.firm and refused.problem is not None and not isinstance(refused.problem, DocumentNotTrusted):
        return refused.problem
    return refusal(
        [
            Fault(code=(code := e["extensions"]["code"]), detail=_said(e), pointer=POINTERS.get(code, DOCUMENT))
            for e in refused.errors
        ]
    )


def _said(error: dict[str, Any]) -> str:
    """What is wrong, and where in the document."""
    at = next(iter(error.get("locations") or ()), None)
    return f"{error['message']} (line {at['line']}, column {at['column']})" if at else error["message"]
