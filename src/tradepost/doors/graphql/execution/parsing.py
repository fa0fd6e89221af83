"""Parse and validate documents."""

from graphql import GraphQLError, GraphQLSchema, MaxIntrospectionDepthRule, parse, specified_rules, validate
from graphql.language import DocumentNode

from tradepost.kit.problems import Problem

from ..documents.document import Document, unlink_tokens
from ..documents.limits import check_limits
from ..plan.idempotent_directive import IdempotentOnMutationsRule
from ..problems import MAX_ERRORS, DocumentTooLarge, InvalidDocument, RequestError, request_error
from .quick_rules import quick_rule

MAX_TOKENS, MAX_BYTES = 2000, 20_000
VALIDATION_RULES = tuple(
    [quick_rule(rule) for rule in (*specified_rules, MaxIntrospectionDepthRule, IdempotentOnMutationsRule)]
)


def parse_document(text: str, schema: GraphQLSchema, request_id: str, *, with_suggestions: bool) -> Document:
    """Return the validated document of a text, or raise RequestError.

    with_suggestions: whether errors may suggest names from the schema.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise too_large(f"The document has more than {MAX_BYTES} bytes.", request_id)
    try:
        ast = parse(text, max_tokens=MAX_TOKENS, allow_empty_selection_sets=False)
    except GraphQLError as error:
        # graphql-core has no other sign of this error than its message.
        if "token" in error.message and str(MAX_TOKENS) in error.message:
            raise too_large(f"The document has more than {MAX_TOKENS} tokens.", request_id) from None
        raise request_error(InvalidDocument, [error], request_id) from None
    token_count = unlink_tokens(ast)
    try:
        check_limits(ast)
    except Problem as problem:
        raise RequestError.from_problem(problem, request_id, keeps_status=True, oversized_document=ast) from None
    except RecursionError:
        raise too_large("The document is nested too deeply.", request_id, ast) from None
    if errors := validate(schema, ast, VALIDATION_RULES, max_errors=MAX_ERRORS, hide_suggestions=not with_suggestions):
        raise request_error(InvalidDocument, errors, request_id)
    return Document(ast, schema, token_count)


def too_large(detail: str, request_id: str, ast: DocumentNode | None = None) -> RequestError:
    """Return the error of a document that exceeds a limit.

    ast: the document, if it was parsed.
    """
    return RequestError.from_problem(DocumentTooLarge(detail), request_id, keeps_status=True, oversized_document=ast)
