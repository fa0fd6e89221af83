"""Quotes of GraphQL documents: read, validated, compiled and priced as in a request, up to the point where it would be run."""

from typing import Any

from tradepost.kit.operations.quotes import LIMIT_PROBLEMS, Quote, QuoteLine, quote_problem
from tradepost.kit.problems import Fault, Problem
from tradepost.kit.resource.selection import check_access
from tradepost.kit.schema.validation import validation_problem
from tradepost.kit.writes.call_context import CallContext

from ..documents.requests import RequestParameters
from ..plan.arguments import Variables
from ..plan.batch_plan import BatchRoot
from ..plan.root_plans import ObjectRoot, PageRoot, Root, TypenameRoot
from ..problems import DocumentNotTrusted, InvalidVariables, RequestError, UnknownOperation
from .executor import Executor

DOCUMENT = "/document"
POINTERS = {InvalidVariables.code: "/variables", UnknownOperation.code: "/operation_name"}
"""Where a fault is that is not one of the document's own."""


class GraphQLQuotes:
    """The quotes of one executor."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    async def quote_document(
        self, context: CallContext, text: str, variables: dict[str, Any] | None, operation: str | None
    ) -> Quote:
        """The quote of a document, or the refusal that its request would get: a ceiling's own, else 422 with the faults."""
        request = RequestParameters(text, variables, operation)
        if not self.executor.skips_parsing(request):
            await context.meter.pay_for_text()
        try:
            ready = self.executor.prepare(request, context)
        except RequestError as refused:
            raise _refusal(refused) from None
        if found := [p for p in [self.fault(root, ready.variables, context) for root in ready.roots] if p is not None]:
            raise quote_problem(DOCUMENT, found)
        priced = [(r, p) for r, p in zip(ready.roots, ready.prices, strict=True) if not isinstance(r, TypenameRoot)]
        return Quote(ready.points, [QuoteLine(name_of(r), p.points, p.rows) for r, p in priced])

    def fault(self, root: Root, variables: Variables, context: CallContext) -> Problem | None:
        """What a root field would be refused with, as far as that can be told before it is run."""
        try:
            root.access.check(context.caller)
            if isinstance(root, ObjectRoot | PageRoot | BatchRoot):
                check_access(root.field.operation.result, root.selection.field_set.fields, context.caller)
            root.price(context, variables)
        except LIMIT_PROBLEMS:
            raise
        except Exception as fault:
            return self.executor.report_problem(fault, context)
        return None


def name_of(root: Root) -> str:
    """The operation behind a root field; `node`, `nodes` and looks at the schema have none and are called as they are written."""
    return (
        root.field.operation.name if isinstance(root, ObjectRoot | PageRoot | BatchRoot) else root.nodes[0].name.value
    )


def _refusal(refused: RequestError) -> Problem:
    if refused.keeps_status and refused.problem is not None and not isinstance(refused.problem, DocumentNotTrusted):
        return refused.problem
    return validation_problem(
        [
            Fault(code=(code := e["extensions"]["code"]), detail=_said(e), pointer=POINTERS.get(code, DOCUMENT))
            for e in refused.errors
        ]
    )


def _said(error: dict[str, Any]) -> str:
    """What is wrong, and where in the document."""
    at = next(iter(error.get("locations") or ()), None)
    return f"{error['message']} (line {at['line']}, column {at['column']})" if at else error["message"]
