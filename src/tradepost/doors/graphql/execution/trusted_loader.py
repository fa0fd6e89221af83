"""Trusted loader."""

from pathlib import Path
from typing import Any, cast

from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.problems import Problem
from tradepost.kit.rate_limit.meter import MOST_POINTS
from tradepost.kit.writes.call_context import CallContext

from ..documents.document import Document, Prepared
from ..documents.trusted import FaultyDocument, Registered
from ..plan.arguments import NO_VARIABLES, Coerced
from ..problems import Refused
from .executor import Executor


def registered(folder: Path, executor: Executor) -> Registered:
    """The documents of a folder (not of those below it), checked against the schema; FaultyDocument where one of them cannot be used."""
    try:
        paths = sorted(
            [path for path in folder.iterdir() if path.suffix == ".graphql" and not path.name.startswith(".")]
        )
    except OSError as fault:
        raise FaultyDocument(f"`{folder}` cannot be read: {fault.strerror}") from None
    return Registered([(path.stem, text := text_of(path), document_of(path, text, executor)) for path in paths])


def text_of(path: Path) -> str:
    """What stands in a file."""
    try:
        return path.read_bytes().decode()
    except OSError as fault:
        raise faulty(path, f"cannot be read: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise faulty(path, "is not UTF-8") from None


def document_of(path: Path, text: str, executor: Executor) -> Document:
    """The document in a file, compiled as far as no variable decides what is asked."""
    try:
        document = executor.document(text, "", suggests=True)
    except Refused as refused:
        first = refused.errors[0]
        raise faulty(path, first["message"], next(iter(first.get("locations") or ()), {}).get("line")) from None
    operation = check(path, document)
    try:
        if not document.flags:
            warm(path, operation, executor)
    except Problem as ceiling:
        raise faulty(path, ceiling.detail) from None
    document.trusted = True
    return document


def check(path: Path, document: Document) -> Prepared:
    """The one query of a file."""
    operation = document.only
    if operation is None:
        raise faulty(
            path,
            "there have to be one query and its fragments",
            line_of(list(document.operations.values())[1]) if document.operations else None,
        )
    line = line_of(operation)
    if operation.writes or operation.subscribes:
        raise faulty(path, f"only queries can be registered, and this is a {operation.node.operation.value}", line)
    name = operation.node.name
    if name is None or name.value != path.stem:
        raise faulty(
            path,
            f"the query is called {f'`{name.value}`' if name else 'nothing'} and has to be called `{path.stem}`, as its file",
            line,
        )
    if document.introspects:
        raise faulty(path, "a registered document cannot ask for the schema", line)
    return operation


def warm(path: Path, operation: Prepared, executor: Executor) -> None:
    """Compiles a query before it is asked for. Where nothing varies its price is known already."""
    roots = operation.roots(Coerced({}), executor.compile)
    if not operation.node.variable_definitions:
        anybody = CallContext(ANONYMOUS, cast(Any, None))
        points = sum([root.price(anybody, NO_VARIABLES).points for root in roots])
        if points > MOST_POINTS:
            raise faulty(
                path, f"the query costs up to {points} points; at most {MOST_POINTS} are allowed", line_of(operation)
            )


def line_of(operation: Prepared) -> int | None:
    """Where an operation begins."""
    return operation.node.loc.start_token.line if operation.node.loc else None


def faulty(path: Path, fault: str, line: int | None = None) -> FaultyDocument:
    """A fault and its place, on one line."""
    where = f"`{path.name}`" if line is None else f"`{path.name}`, line {line}"
    return FaultyDocument(f"{where}: {' '.join(fault.split()).rstrip('.')}")
