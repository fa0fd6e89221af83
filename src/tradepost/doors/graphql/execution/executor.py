"""Runs GraphQL operations by plan. A document is parsed, validated and compiled once; introspection goes to graphql-core."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from inspect import isawaitable
from typing import Any

import msgspec
from graphql import GraphQLError, GraphQLSchema, MaxIntrospectionDepthRule, execute, parse, specified_rules, validate
from graphql.language import DocumentNode, FieldNode

from tradepost.kit.cache.read_cache import Entry, ReadCache
from tradepost.kit.lru import Recent
from tradepost.kit.operations.pricing import LEAST, Price
from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import Problem
from tradepost.kit.query.source_tables import Seen
from tradepost.kit.writes.call_context import CallContext

from ..documents.document import Document, Prepared, Roots
from ..documents.limits import META, check
from ..documents.requests import HANDOVERS, Ready, Request
from ..documents.trusted import NONE
from ..plan.arguments import Variables
from ..plan.batch_plan import BatchRoot
from ..plan.idempotent_directive import OnMutations
from ..plan.node_plan import Getters, NodesRoot
from ..plan.root_plans import Constant, OneRoot, PageRoot, Root, SchemaRoot
from ..plan.selection_compiler import Walk
from ..problems import (
    MOST_FAULTS,
    DocumentNotTrusted,
    DocumentTooLarge,
    IntrospectionOff,
    InvalidDocument,
    InvalidVariables,
    Refused,
    TooManyMutations,
    UnknownOperation,
    faults,
    problem_of,
    shown,
)
from ..schema.root_fields import RootField
from .core_fallback import Stock, attach_resolvers

MOST_DOCUMENTS, MOST_TOKENS, MOST_BYTES, MOST_MUTATIONS = 1000, 2000, 20_000, 4
RULES = (*specified_rules, MaxIntrospectionDepthRule, OnMutations)
LOG = logging.getLogger("tradepost.graphql")

encoder = msgspec.json.Encoder()
encode = encoder.encode


class Executor:
    """Answers GraphQL requests over one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        registry: Registry,
        roots: Iterable[RootField[..., Any]],
        *,
        introspects: bool = True,
        careful: bool = False,
    ) -> None:
        """`introspects`: whether callers without a credential may see the schema. `careful`: whether changes need `expectedVersion`."""
        self.schema, self.introspects, self.careful = schema, introspects, careful
        self.fields = {r.name: r for r in roots}
        self.getters, self.documents = Getters(registry), Recent[str, Document](MOST_DOCUMENTS)
        # Registered documents, and whether only these are run.
        self.registered, self.only = NONE, False
        # How many operations graphql-core had to run, by reason.
        self.handovers: dict[str, int] = dict.fromkeys(HANDOVERS, 0)
        # Where what public fields give is kept, if anywhere.
        self.cache: ReadCache | None = None
        attach_resolvers(schema, self.fields, self.getters, require_version=careful)

    def knows(self, request: Request) -> bool:
        """Whether a request's document has been read before, or will not be read at all."""
        text = request.query or ""
        return text in self.documents or text in self.registered.by_text or self.only

    def read(self, text: str, request_id: str, suggests: bool) -> Document:
        """The document of a text."""
        if (found := self.registered.by_text.get(text)) is not None:
            return found
        if self.only:
            raise Refused.because(DocumentNotTrusted(), request_id, firm=True)
        return self.documents.get(text, lambda: self.document(text, request_id, suggests))

    def prepare(self, request: Request, context: CallContext, document: Document | None = None) -> Ready:
        """Everything up to the execution; or Refused. The document is that of the request's text, unless it was found otherwise."""
        open = self.shows(context)
        document = document or self.read(request.query or "", context.request_id, open)
        if document.introspects and not open:
            raise Refused.because(
                IntrospectionOff("The schema is shown only to callers with a credential."), context.request_id
            )
        try:
            operation = document.operation(request.operation_name)
        except UnknownOperation as problem:
            raise Refused.because(problem, context.request_id) from None
        if operation.subscribes:
            raise Refused.because(InvalidDocument("There are no subscriptions here."), context.request_id)
        variables = operation.variables(request.variables, context.request_id, open)
        try:
            roots = operation.roots(variables, self.compile)
        except Problem as ceiling:
            raise Refused.because(ceiling, context.request_id, firm=True, over=document.ast) from None
        return Ready(request, operation, variables, roots, [priced(r, context, variables) for r in roots])

    def again(self, known: Ready, context: CallContext) -> Ready:
        """What was asked in the same words before, without a write or a look at the schema: only its price may be another, for another kind of caller."""
        return Ready(
            known.request,
            known.operation,
            known.variables,
            known.roots,
            [priced(r, context, known.variables) for r in known.roots],
        )

    def document(self, text: str, request_id: str, suggests: bool) -> Document:
        """A new document, parsed and validated."""
        if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
            raise Refused.because(
                DocumentTooLarge(f"The document has more than {MOST_BYTES} bytes."), request_id, firm=True
            )
        try:
            ast = parse(text, max_tokens=MOST_TOKENS, allow_empty_selection_sets=False)
        except GraphQLError as fault:
            if "token" in fault.message and str(MOST_TOKENS) in fault.message:
                raise Refused.because(
                    DocumentTooLarge(f"The document has more than {MOST_TOKENS} tokens."), request_id, firm=True
                ) from None
            raise faults(InvalidDocument, [fault], request_id) from None
        try:
            check(ast)
        except Problem as ceiling:
            raise Refused.because(ceiling, request_id, firm=True, over=ast) from None
        except RecursionError:
            raise Refused.because(
                DocumentTooLarge("The document is nested too deeply."), request_id, firm=True, over=ast
            ) from None
        if found := validate(self.schema, ast, RULES, max_errors=MOST_FAULTS, hide_suggestions=not suggests):
            raise faults(InvalidDocument, found, request_id)
        return Document(ast, self.schema)

    def compile(self, operation: Prepared, flags: dict[str, Any]) -> Roots:
        """The root fields of an operation, in order."""
        walk = Walk(self.schema, operation.document.fragments, flags)
        parent: Any = self.schema.mutation_type if operation.writes else self.schema.query_type
        out = walk.collect([operation.node], parent.name)
        if operation.writes and len(out) > MOST_MUTATIONS:
            raise TooManyMutations(
                f"A document may have at most {MOST_MUTATIONS} mutation fields; this one has {len(out)}, and none was run."
            )
        return [self.root(key, nodes, parent, walk) for key, nodes in out.items()]

    def root(self, key: str, nodes: Sequence[FieldNode], parent: Any, walk: Walk) -> Root:
        """One root field, compiled."""
        name = nodes[0].name.value
        if name == "__typename":
            return Constant(key, nodes, parent.name)
        if name in META:
            return SchemaRoot(key, nodes)
        definition = parent.fields[name]
        field = self.fields.get(name)
        if field is None:
            return NodesRoot(key, nodes, name == "nodes", definition, walk, self.getters)
        if field.operation.kind == "batch":
            return BatchRoot(key, nodes, field, definition, walk)
        if field.operation.kind == "page":
            return PageRoot(key, nodes, field, definition, walk)
        return OneRoot(key, nodes, field, definition, walk, careful=self.careful)

    async def execute(self, ready: Ready, context: CallContext) -> bytearray:
        """The answer but for its last brace: whoever sends it has more to say in it."""
        roots, variables, prices = ready.roots, ready.variables, ready.prices
        if ready.operation.document.special and (why := ready.handover) is not None:
            self.handovers[why] += 1
            context.meter.net = ready.points
            return bytearray((await self.reference(ready, context))[:-1])
        if len(roots) == 1:
            only = await self.run(roots[0], variables, context, prices[0], roots[0].opening)
            ready.replayed = [roots[0].key] if context.idempotency.is_replay else []
            if type(only) is bytearray:
                only += b"}"
                return only
            done: list[Any] = [only]
        elif ready.operation.writes:
            contexts = [context.for_mutation() for _ in roots]
            done = [
                await self.run(r, variables, c, p, r.prefix) for r, c, p in zip(roots, contexts, prices, strict=True)
            ]
            ready.replayed = [r.key for r, c in zip(roots, contexts, strict=True) if c.idempotency.is_replay]
            context.idempotency.is_replay = len(ready.replayed) == len(ready.written)
        else:
            done = list(
                await asyncio.gather(
                    *[self.run(r, variables, context, p, r.prefix) for r, p in zip(roots, prices, strict=True)]
                )
            )
        body = b",".join([d if type(d) is bytearray else r.prefix + b"null" for r, d in zip(roots, done, strict=True)])
        failed = [(r, d) for r, d in zip(roots, done, strict=True) if type(d) is not bytearray]
        if not failed:
            return bytearray(b'{"data":{%b}' % body)
        if len(roots) == 1 and isinstance(done[0], Problem):
            ready.retry_after = done[0].retry_after
        errors = encode([self.error(r, d, context) for r, d in failed])
        if all(r.nullable for r, _ in failed):
            return bytearray(b'{"errors":%b,"data":{%b}' % (errors, body))
        return bytearray(b'{"errors":%b,"data":null' % errors)

    async def run(self, root: Root, variables: Variables, context: CallContext, price: Price, before: bytes) -> Any:
        """The bytes of one root field behind those `before` it (put together here, because copying a long list takes 4 us), or what it raised. What it
        costs in the end goes onto the meter: a field that is refused or missing 1, if it costs anything, and one that has tried a credential its whole
        price."""
        begun = context.meter.attempts
        try:
            # Before the arguments are read: who may not, is not told what is wrong with them.
            root.access.check(context.caller)
            if root.once.written is not None:
                context.idempotency.key = root.once.of(variables) or context.idempotency.key
            if (
                self.cache is not None
                and root.keeps(variables)
                and (key := kept_under(root, variables, context)) is not None
            ):
                return bytearray(before + await self.kept(self.cache, key, root, variables, context, price))
            value, rows = await root.value(context, variables)
            encoder.encode_into(value, said := bytearray(before), -1)
            # A missing thing and a kept outcome cost the least.
            context.meter.net += (
                price.net(rows)
                if value is not None and (root.tries or not context.idempotency.is_replay)
                else min(price.points, 1)
            )
            return said
        except Exception as fault:
            context.meter.net += price.points if root.tries and context.meter.attempts > begun else min(price.points, 1)
            return fault

    async def kept(
        self,
        cache: ReadCache,
        key: tuple[Any, ...],
        root: Root,
        variables: Variables,
        context: CallContext,
        price: Price,
    ) -> bytes:
        """The bytes of one root field from the read cache."""
        found = cache.find(key) or await cache.fill(key, lambda seen: entry(root, variables, context, price, seen))
        context.meter.net += found.net
        return found.value

    def error(self, root: Root, fault: Exception, context: CallContext) -> dict[str, Any]:
        """What went wrong in a root field, as GraphQL writes it. What nobody expected is logged and not shown."""
        problem = self.problem(fault, context)
        nodes = fault.nodes if isinstance(fault, GraphQLError) else None  # those of an argument that cannot be used
        return shown(
            problem, context.request_id, GraphQLError(problem.detail, nodes or list(root.nodes), path=[root.key])
        )

    def problem(self, fault: BaseException, context: CallContext) -> Problem:
        """The problem that a fault is; an unexpected one is logged. Lists of known names are left out where the schema is hidden."""
        problem = problem_of(fault)
        if problem.status >= 500 and not isinstance(fault, Problem):
            LOG.error("unexpected fault in GraphQL, request %s", context.request_id or "-", exc_info=fault)
        if not self.shows(context):
            problem.withhold()
        return problem

    def shows(self, context: CallContext) -> bool:
        """Whether this caller may see the schema, and the names in it."""
        return self.introspects or context.caller.known

    async def reference(self, ready: Ready, context: CallContext) -> bytes:
        """The same by graphql-core."""
        return await self.stock(ready.operation.document.ast, ready.request, context)

    async def stock(self, ast: DocumentNode, request: Request, context: CallContext) -> bytes:
        """What graphql-core makes of a validated document; of it the plans share the operations, the validation and how a problem is shown."""
        open = self.shows(context)
        made: Any = execute(
            self.schema, ast, None, context, request.variables, request.operation_name or None, executor_class=Stock, hide_suggestions=not open
        )  # fmt: skip
        result = await made if isawaitable(made) else made
        found: list[GraphQLError] = result.errors or []
        if result.data is None and any([fault.path is None for fault in found]):
            return encode({"errors": faults(InvalidVariables, found, context.request_id).errors})
        errors = [
            shown(self.problem(fault.original_error or fault, context), context.request_id, fault) for fault in found
        ]
        return encode(({"errors": errors} if errors else {}) | {"data": result.data})


def kept_under(root: Root, variables: Variables, context: CallContext) -> tuple[Any, ...] | None:
    """The key of a root field in the read cache: all that its bytes depend on. The number stands for the field, because the cache may outlive it."""
    caller = context.caller
    try:
        return root.number, encode(variables.coerced) if variables.coerced else b"", caller.permissions, caller.known
    except (TypeError, ValueError, OverflowError):
        return None


async def entry(root: Root, variables: Variables, context: CallContext, price: Price, seen: Seen) -> Entry:
    """What a root field gives, as it may be kept. What it reads is noted in a context of its own: other fields read at the same time."""
    value, rows = await root.value(context.recording(seen), variables)
    said = encode(value)
    if value is None:
        return Entry(said, 0, min(price.points, 1), fleeting=True)
    # Of several things by their ids one that is missing has no tag: nobody would hear that it is there now.
    return Entry(said, len(said), price.net(rows), fleeting=isinstance(value, list) and None in value)


def priced(root: Root, context: CallContext, variables: Variables) -> Price:
    """The price of a root field. Where its arguments cannot be read it is the least: running it will tell what is wrong with them."""
    try:
        return root.price(context, variables)
    except Exception:
        return LEAST
