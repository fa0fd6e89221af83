"""Trusted loader."""

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


def load_trusted_documents(folder: Path, executor: Executor) -> TrustedDocuments:
    """The documents of a folder (not of those below it), checked against the schema; FaultyDocument where one of them cannot be used."""
    try:
        paths = sorted(
            [path for path in folder.iterdir() if path.suffix == ".graphql" and not path.name.startswith(".")]
        )
    except OSError as fault:
        raise TrustedDocumentError(f"`{folder}` cannot be read: {fault.strerror}") from None
    return TrustedDocuments(
        [(path.stem, text := read_text(path), load_document(path, text, executor)) for path in paths]
    )


def read_text(path: Path) -> str:
    """What stands in a file."""
    try:
        return path.read_bytes().decode()
    except OSError as fault:
        raise document_error(path, f"cannot be read: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise document_error(path, "is not UTF-8") from None


def load_document(path: Path, text: str, executor: Executor) -> Document:
    """The document in a file, compiled as far as no variable decides what is asked."""
    try:
        document = executor.parse_document(text, "", with_suggestions=True)
    except RequestError as refused:
        first = refused.errors[0]
        raise document_error(path, first["message"], next(iter(first.get("locations") or ()), {}).get("line")) from None
    operation = check_operation(path, document)
    try:
        if not document.condition_variables:
            precompile(path, operation, executor)
    except Problem as ceiling:
        raise document_error(path, ceiling.detail) from None
    document.trusted = True
    return document


def check_operation(path: Path, document: Document) -> PreparedOperation:
    """The one query of a file."""
    operation = document.single_operation
    if operation is None:
        raise document_error(
            path,
            "there have to be one query and its fragments",
            line_of(list(document.operations.values())[1]) if document.operations else None,
        )
    line = line_of(operation)
    if operation.writes or operation.is_subscription:
        raise document_error(
            path, f"only queries can be registered, and this is a {operation.node.operation.value}", line
        )
    name = operation.node.name
    if name is None or name.value != path.stem:
        raise document_error(
            path,
            f"the query is called {f'`{name.value}`' if name else 'nothing'} and has to be called `{path.stem}`, as its file",
            line,
        )
    if document.introspects:
        raise document_error(path, "a registered document cannot ask for the schema", line)
    return operation


def precompile(path: Path, operation: PreparedOperation, executor: Executor) -> None:
    """Compiles a query before it is asked for. Where nothing varies its price is known already."""
    roots = operation.roots(PlainVariables({}), executor.compile)
    if not operation.node.variable_definitions:
        anybody = CallContext(ANONYMOUS, cast(Any, None))
        points = sum([root.price(anybody, NO_VARIABLES).points for root in roots])
        if points > MAX_REQUEST_POINTS:
            raise document_error(
                path,
                f"the query costs up to {points} points; at most {MAX_REQUEST_POINTS} are allowed",
                line_of(operation),
            )


def line_of(operation: PreparedOperation) -> int | None:
    """Where an operation begins."""
    return operation.node.loc.start_token.line if operation.node.loc else None


def document_error(path: Path, fault: str, line: int | None = None) -> TrustedDocumentError:
    """A fault and its place, on one line."""
    where = f"`{path.name}`" if line is None else f"`{path.name}`, line {line}"
    return TrustedDocumentError(f"{where}: {' '.join(fault.split()).rstrip('.')}")
