"""Faults of a GraphQL request itself, before any operation of the shop is called."""

import re
from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError
from graphql.language import DocumentNode

from tradepost.kit.problems import Fault, Internal, InvalidParameter, Problem

MAX_ERRORS = 50


class InvalidDocument(Problem):
    """The GraphQL document does not parse or does not fit the schema."""

    code, status, title = "invalid_document", 400, "The GraphQL document is not valid"
    cure = "Correct the document at the line and column in `locations`; `/schema.graphql` has the schema."
    example = {"detail": "Cannot query field 'nam' on type 'Product'. Did you mean 'name'?"}


class InvalidVariables(Problem):
    """The variables do not fit their declarations."""

    code, status, title = "invalid_variables", 400, "The variables are not valid"
    cure = "Give every variable a value of the type that the document declares for it."
    example = {"detail": "Variable '$first' has invalid value: Int cannot represent non-integer value: 'x'"}


class UnknownOperation(Problem):
    """The document has no operation of that name, or several and none was named."""

    code, status, title = "unknown_operation", 400, "No such operation in the document"
    cure = "Name one of the document's operations in `operationName`."
    example = {"detail": "There is no operation `Shelf`; known: `Products`, `Product`."}


class IntrospectionOff(Problem):
    """The schema is shown only to known callers here."""

    code, status, title = "introspection_off", 400, "Introspection is off"
    cure = "Send a credential, or read the schema in the documentation."
    example = {"detail": "The schema is shown only to callers with a credential."}


class DocumentTooLarge(Problem):
    """The document is over a ceiling of its size."""

    code, status, title = "document_too_large", 400, "The GraphQL document is too large"
    cure = "Ask for less in one document, or use fragments."
    example = {"detail": "The document has more than 20000 bytes."}


class TooManyMutations(Problem):
    """A document has more mutation fields than may be run together."""

    code, status, title = "too_many_mutations", 400, "There are too many mutations in the document"
    cure = "Send several documents, or use a batch operation."
    example = {"detail": "A document may have at most 4 mutation fields; this one has 5, and none was run."}


class TooManyIntrospections(Problem):
    """A document looks at the schema too often."""

    code, status, title = "too_many_introspections", 400, "The document looks at the schema too often"
    cure = "Ask for `__schema` once, or read `/schema.graphql`."
    example = {"detail": "`__schema` and `__type` may be asked for 4 times in a document."}


class PersistedQueryNotFound(Problem):
    """No document is kept under the hash that came alone. Code and message are those that Apollo's clients know: they send the document next."""

    code, status, title = "PERSISTED_QUERY_NOT_FOUND", 404, "PersistedQueryNotFound"
    cure = "Send the document in `query` beside its hash, once; from then on the hash will do."
    example = {"detail": "PersistedQueryNotFound"}


class PersistedQueryNotSupported(Problem):
    """A hash came alone, it is not that of a registered document, and documents of others are not kept here. Apollo's clients send texts from then on."""

    code, status, title = "PERSISTED_QUERY_NOT_SUPPORTED", 400, "PersistedQueryNotSupported"
    cure = "Send the document in `query`; whoever runs the shop may register it, or set APQ=on."
    example = {"detail": "PersistedQueryNotSupported"}


class PersistedQueryMismatch(Problem):
    """The hash that came with a document is not its hash."""

    code, status, title = "persisted_query_mismatch", 400, "The hash is not that of the document"
    cure = "Send the SHA-256 of the very text in `query`, in hexadecimal digits."
    example = {"detail": "The hash is not that of the document."}


class DocumentNotTrusted(Problem):
    """Only registered documents are run here, and this is none of them, whoever asks for it."""

    code, status, title = "document_not_trusted", 403, "Only registered documents are run here"
    cure = "Call a registered document by its hash or name, or have whoever runs the shop register this one."
    example = {"detail": "Only registered documents are run here."}


# A text that was meant as one may have been put into a list; a number that was sent for a number is nobody's secret.
QUOTED = re.compile(r"(, found|(?<=a non string value)): .*", re.DOTALL)


class RequestError(Exception):
    """A request that is not executed. `firm` ones keep their status under `application/json` too. `headers` are the problem's own; `over` is the
    document where it was read and is over a ceiling. `problem` is what it is refused for, where that is not a list of faults in the document.
    """

    def __init__(
        self, errors: list[dict[str, Any]], *, firm: bool = False, headers: Mapping[str, str] | None = None,
        over: DocumentNode | None = None, problem: Problem | None = None,
    ) -> None:  # fmt: skip
        self.errors, self.keeps_status, self.headers, self.oversized_document, self.problem = (
            errors,
            firm,
            dict(headers or {}),
            over,
            problem,
        )
        super().__init__(errors[0]["message"])

    @classmethod
    def from_problem(
        cls,
        problem: Problem,
        request_id: str,
        *,
        keeps_status: bool = False,
        oversized_document: DocumentNode | None = None,
    ) -> "RequestError":
        """Refused for one problem."""
        return cls(
            [format_error(problem, request_id)],
            firm=keeps_status,
            headers=problem.headers(),
            over=oversized_document,
            problem=problem,
        )


def format_error(problem: Problem, request_id: str, fault: GraphQLError | None = None) -> dict[str, Any]:
    """A problem as GraphQL writes it: an error whose `extensions` are the problem document without its title."""
    document = problem.to_dict() | {"request_id": request_id}
    del document["title"]
    where: dict[str, Any] = dict(fault.formatted) if fault is not None else {}
    return {**where, "message": problem.detail, "extensions": document}


def request_error(kind: type[Problem], found: list[GraphQLError], request_id: str) -> RequestError:
    """Faults of a document or of its variables, at most 50."""
    return RequestError([format_error(kind(unquoted(f.message)), request_id, f) for f in found[:MAX_ERRORS]])


def unquoted(message: str) -> str:
    """What graphql-core says of a value, without the value: it may be a whole input with a password in it."""
    return QUOTED.sub(".", message)


def to_problem(error: BaseException) -> Problem:
    """The problem that an error inside a root field stands for; what nobody expected is a fault of ours."""
    if isinstance(error, GraphQLError):
        return error_problem(error)
    return error if isinstance(error, Problem) else Internal()


def error_problem(error: GraphQLError) -> Problem:
    """The problem behind an error of graphql-core's: ours where we raised it, else an argument that could not be used."""
    cause = error.original_error
    if cause is None:
        return InvalidParameter(error.message, errors=[Fault(code="invalid", detail=error.message)])
    return to_problem(cause)
