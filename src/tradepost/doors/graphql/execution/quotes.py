"""Quotes of GraphQL documents: they are prepared and priced like a request, but not executed."""

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
"""The faulty member of the quote's input, for problems that are not in the document."""


class GraphQLQuotes:
    """Quotes the documents of one executor (the Protocol DocumentQuotes)."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    async def quote_document(
        self, context: CallContext, text: str, variables: dict[str, Any] | None, operation: str | None
    ) -> Quote:
        """Return the quote of a document.

        Raise the problem of a limit that the request would exceed, or Validation with the faults.
        """
        request = RequestParameters(text, variables, operation)
        if not self.executor.skips_parsing(request):
            await context.meter.pay_for_text()
        try:
            prepared = self.executor.prepare(request, context)
        except RequestError as error:
            raise _quote_refusal(error) from None
        problems = [self._problem(root, prepared.variables, context) for root in prepared.roots]
        if found := [problem for problem in problems if problem is not None]:
            raise quote_problem(DOCUMENT, found)
        lines = [
            QuoteLine(operation_name(root), price.points, price.rows)
            for root, price in zip(prepared.roots, prepared.prices, strict=True)
            if not isinstance(root, TypenameRoot)
        ]
        return Quote(prepared.points, lines)

    def _problem(self, root: Root, variables: Variables, context: CallContext) -> Problem | None:
        """Return the problem of a root field, as far as it is known without executing the field."""
        try:
            root.access.check(context.caller)
            if isinstance(root, ObjectRoot | PageRoot | BatchRoot):
                check_access(root.field.operation.result, root.selection.field_set.fields, context.caller)
            root.price(context, variables)
        except LIMIT_PROBLEMS:
            raise
        except Exception as error:
            return self.executor.report_problem(error, context)
        return None


def operation_name(root: Root) -> str:
    """Return the operation of a root field, or its name if it has none (`node`, `__schema`)."""
    if isinstance(root, ObjectRoot | PageRoot | BatchRoot):
        return root.field.operation.name
    return root.nodes[0].name.value


def _quote_refusal(error: RequestError) -> Problem:
    if error.keeps_status and error.problem is not None and not isinstance(error.problem, DocumentNotTrusted):
        return error.problem
    faults: list[Fault] = []
    for entry in error.errors:
        code = entry["extensions"]["code"]
        faults.append(Fault(code=code, detail=_detail(entry), pointer=POINTERS.get(code, DOCUMENT)))
    return validation_problem(faults)


def _detail(entry: dict[str, Any]) -> str:
    """Return the message of an error and its place in the document."""
    location = next(iter(entry.get("locations") or ()), None)
    if location is None:
        return entry["message"]
    return f"{entry['message']} (line {location['line']}, column {location['column']})"
