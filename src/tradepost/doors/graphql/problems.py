"""Problems of a GraphQL request itself, and the format of errors in responses."""

import re
from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError
from graphql.language import DocumentNode

from tradepost.kit.problems import Fault, Internal, InvalidParameter, Problem
from tradepost.kit.quoting import shorten

from ..http.access_log import GraphQLLogEntry, logged_names

MAX_ERRORS = 50
MAX_MESSAGE = 1000
"""Characters of one of graphql-core's messages, which quote names from the document."""


class InvalidDocument(Problem):
    """The GraphQL document has a syntax error or does not match the schema."""

    code, status, title = "invalid_document", 400, "Invalid GraphQL document"
    cure = "Correct the document at the line and column in `locations`. The schema is at `/schema.graphql`."
    example = {"detail": "Cannot query field 'nam' on type 'Product'. Did you mean 'name'?"}


class InvalidVariables(Problem):
    """The variables do not match the types that the document declares."""

    code, status, title = "invalid_variables", 400, "Invalid variables"
    cure = "Give each variable a value of its declared type."
    example = {"detail": "Variable '$first' has invalid value: Int cannot represent non-integer value: 'x'"}


class UnknownOperation(Problem):
    """The document has no operation with this name, or it has several and none was named."""

    code, status, title = "unknown_operation", 400, "Unknown operation"
    cure = "Name one of the document's operations in `operationName`."
    example = {"detail": "The document has no operation `Home`; its operations are: `Products`, `Product`."}


class IntrospectionOff(Problem):
    """Introspection requires a credential on this server."""

    code, status, title = "introspection_off", 400, "Introspection is disabled"
    cure = "Send a credential, or read the schema in the documentation."
    example = {"detail": "Introspection requires a credential here."}


class DocumentTooLarge(Problem):
    """The GraphQL document exceeds a size limit."""

    code, status, title = "document_too_large", 400, "GraphQL document too large"
    cure = "Split the document, or use fragments."
    example = {"detail": "The document has more than 20000 bytes."}


class TooManyMutations(Problem):
    """The document has more mutation fields than allowed. None of them was executed."""

    code, status, title = "too_many_mutations", 400, "Too many mutations"
    cure = "Send several documents, or use a batch operation."
    example = {"detail": "A document may have at most 4 mutation fields; this one has 5, and none was executed."}


class TooManyIntrospections(Problem):
    """The document has more introspection fields than allowed."""

    code, status, title = "too_many_introspections", 400, "Too many introspection fields"
    cure = "Select `__schema` once, or read `/schema.graphql`."
    example = {"detail": "A document may have at most 4 `__schema` and `__type` fields."}


class PersistedQueryNotFound(Problem):
    """No document is stored under this hash, and the request contains no document.

    Apollo clients recognise the code and the message, and send the document next.
    """

    code, status, title = "PERSISTED_QUERY_NOT_FOUND", 404, "PersistedQueryNotFound"
    cure = "Send the document in `query` together with its hash, once. After that the hash is enough."
    example = {"detail": "PersistedQueryNotFound"}


class PersistedQueryNotSupported(Problem):
    """The hash is not that of a trusted document, and automatic persisted queries are disabled.

    Apollo clients then send the document itself.
    """

    code, status, title = "PERSISTED_QUERY_NOT_SUPPORTED", 400, "PersistedQueryNotSupported"
    cure = "Send the document in `query`. The operator can add it to the trusted documents or set APQ=on."
    example = {"detail": "PersistedQueryNotSupported"}


class PersistedQueryMismatch(Problem):
    """The hash is not that of the document sent with it."""

    code, status, title = "persisted_query_mismatch", 400, "The hash does not match the document"
    cure = "Send the SHA-256 of the exact text in `query`, in hexadecimal digits."
    example = {"detail": "The hash does not match the document."}


class DocumentNotTrusted(Problem):
    """This server executes trusted documents only, and this is not one of them."""

    code, status, title = "document_not_trusted", 403, "Only trusted documents are allowed"
    cure = "Call a trusted document by its hash or name, or ask the operator to add this one."
    example = {"detail": "Only trusted documents are allowed."}


# The values that graphql-core quotes in its messages. A number that was sent for a number stays.
QUOTED_VALUE = re.compile(r"([,;] found|(?<=a non string value)): .*", re.DOTALL)
# Python's error for an integer of more than 4,300 digits.
TOO_MANY_DIGITS = re.compile(r"Exceeds the limit \(\d+ digits\)[^']*")


class RequestError(Exception):
    """A request that is not executed (GraphQL specification, 7.1.2: request errors).

    errors: the entries of `errors` in the response.
    keeps_status: whether the response has the problem's status under `application/json` too;
        other request errors have 200 there.
    headers: the problem's headers.
    oversized_document: the parsed document, if it exceeds a limit.
    problem: the reason, unless it is a list of faults in the document or the variables.
    """

    def __init__(
        self,
        errors: list[dict[str, Any]],
        *,
        keeps_status: bool = False,
        headers: Mapping[str, str] | None = None,
        oversized_document: DocumentNode | None = None,
        problem: Problem | None = None,
    ) -> None:
        self.errors, self.keeps_status, self.headers = errors, keeps_status, dict(headers or {})
        self.oversized_document, self.problem = oversized_document, problem
        super().__init__(errors[0]["message"])

    def log_entry(self) -> GraphQLLogEntry:
        """Return what the access log has of the request."""
        return GraphQLLogEntry(codes=logged_names([error["extensions"]["code"] for error in self.errors]))

    def without_traceback(self) -> "RequestError":
        """Return this error without the frames that raised it.

        They refer to the ASGI scope. An error that is stored there would keep the whole request in
        memory: 8,000 refused requests with headers of 9 kB took 160 MB.
        """
        for error in (self, self.problem):
            if error is not None:
                error.__traceback__ = error.__context__ = error.__cause__ = None
        return self

    @classmethod
    def from_problem(
        cls,
        problem: Problem,
        request_id: str,
        *,
        keeps_status: bool = False,
        oversized_document: DocumentNode | None = None,
    ) -> "RequestError":
        """Return the error of one problem."""
        return cls(
            [format_error(problem, request_id)],
            keeps_status=keeps_status,
            headers=problem.headers(),
            oversized_document=oversized_document,
            problem=problem,
        )


def format_error(problem: Problem, request_id: str, error: GraphQLError | None = None) -> dict[str, Any]:
    """Return a problem as an entry of `errors`; `extensions` has its members except the title.

    error: has the locations and the path.
    """
    extensions = problem.to_dict() | {"request_id": request_id}
    del extensions["title"]
    place: dict[str, Any] = dict(error.formatted) if error is not None else {}
    return {**place, "message": problem.detail, "extensions": extensions}


def request_error(kind: type[Problem], errors: list[GraphQLError], request_id: str) -> RequestError:
    """Return the RequestError of graphql-core's errors, at most MAX_ERRORS of them."""
    return RequestError(
        [format_error(kind(without_value(error.message)), request_id, error) for error in errors[:MAX_ERRORS]]
    )


def without_value(message: str) -> str:
    """Remove the quoted value from graphql-core's message: it may be an input with a password."""
    message = TOO_MANY_DIGITS.sub("the number has too many digits", message)
    return shorten(QUOTED_VALUE.sub(".", message), MAX_MESSAGE)


def to_problem(error: BaseException) -> Problem:
    """Return the problem of an exception in a root field; Internal if it is unexpected."""
    if isinstance(error, GraphQLError):
        return _graphql_error_problem(error)
    return error if isinstance(error, Problem) else Internal()


def _graphql_error_problem(error: GraphQLError) -> Problem:
    """Return the problem that graphql-core wrapped, or InvalidParameter for its own errors."""
    cause = error.original_error
    if cause is None:
        return InvalidParameter(error.message, errors=[Fault(code="invalid", detail=error.message)])
    return to_problem(cause)
