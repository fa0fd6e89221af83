"""Load the trusted documents of a folder: parse, check and compile them."""

from pathlib import Path
from typing import Any, cast

from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.problems import Problem
from tradepost.kit.rate_limit.meter import MAX_REQUEST_POINTS
from tradepost.kit.writes.call_context import CallContext

from ..documents.document import Document, PreparedOperation
from ..documents.trusted import TrustedDocumentError, TrustedDocuments
from ..plan.arguments import NO_VARIABLES, PlainVariables
from ..problems import RequestError
from .executor import Executor
from .parsing import parse_document


def load_trusted_documents(folder: Path, executor: Executor) -> TrustedDocuments:
    """Return the documents of a folder without its subfolders, or raise TrustedDocumentError."""
    try:
        paths = sorted(
            [path for path in folder.iterdir() if path.suffix == ".graphql" and not path.name.startswith(".")]
        )
    except OSError as error:
        raise TrustedDocumentError(f"`{folder}` cannot be read: {error.strerror}") from None
    return TrustedDocuments(
        [(path.stem, text := read_text(path), load_document(path, text, executor)) for path in paths]
    )


def read_text(path: Path) -> str:
    """Return the content of a file, or raise TrustedDocumentError."""
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise document_error(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise document_error(path, "is not UTF-8") from None


def load_document(path: Path, text: str, executor: Executor) -> Document:
    """Parse and check a document, and compile it unless variables decide what it selects."""
    try:
        document = parse_document(text, executor.schema, "", with_suggestions=True)
    except RequestError as error:
        first = error.errors[0]
        raise document_error(path, first["message"], next(iter(first.get("locations") or ()), {}).get("line")) from None
    operation = check_operation(path, document)
    try:
        if not document.parsed.condition_variables:
            precompile(path, operation, executor)
    except Problem as problem:
        raise document_error(path, problem.detail) from None
    document.parsed.trusted = True
    return document


def check_operation(path: Path, document: Document) -> PreparedOperation:
    """Return the only query of a document, or raise TrustedDocumentError."""
    operation = document.single_operation
    if operation is None:
        second_line = start_line(list(document.operations.values())[1]) if document.operations else None
        raise document_error(path, "the file must contain one query and its fragments", second_line)
    line = start_line(operation)
    if operation.writes or operation.is_subscription:
        raise document_error(path, f"the document must be a query, but it is a {operation.node.operation.value}", line)
    name = operation.node.name
    if name is None:
        raise document_error(path, f"the query must be named `{path.stem}`, like the file, but has no name", line)
    if name.value != path.stem:
        raise document_error(
            path, f"the query must be named `{path.stem}`, like the file, but is named `{name.value}`", line
        )
    if document.parsed.introspects:
        raise document_error(path, "a trusted document cannot select the schema", line)
    return operation


def precompile(path: Path, operation: PreparedOperation, executor: Executor) -> None:
    """Compile a query. If it has no variables, check its price too."""
    roots = operation.roots(PlainVariables({}), executor.compile)
    if not operation.node.variable_definitions:
        context = CallContext(ANONYMOUS, cast(Any, None))
        points = sum([root.price(context, NO_VARIABLES).points for root in roots])
        if points > MAX_REQUEST_POINTS:
            raise document_error(
                path,
                f"the query costs up to {points} points; at most {MAX_REQUEST_POINTS} are allowed",
                start_line(operation),
            )


def start_line(operation: PreparedOperation) -> int | None:
    """Return the line where an operation starts."""
    return operation.node.loc.start_token.line if operation.node.loc else None


def document_error(path: Path, fault: str, line: int | None = None) -> TrustedDocumentError:
    """Return an error whose message, on one line, is the file, the line and the fault."""
    place = f"`{path.name}`" if line is None else f"`{path.name}`, line {line}"
    return TrustedDocumentError(f"{place}: {' '.join(fault.split()).rstrip('.')}")
