"""Root fields of a document, compiled: what to call, with what arguments, for which Selection."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import count
from typing import Any

from graphql import GraphQLField
from graphql.language import FieldNode

from tradepost.kit.auth.access import ANYONE
from tradepost.kit.operations.pricing import FREE, Price, price
from tradepost.kit.problems import NotFound, PreconditionRequired
from tradepost.kit.resource.list_query import EVERYTHING, Window
from tradepost.kit.resource.selection import Selection, personal
from tradepost.kit.writes.call_context import CallContext

from ..schema.root_fields import Ask, RootField
from .arguments import Arguments, Variables, WindowArguments, by_values
from .idempotent_directive import Key
from .selection_compiler import Walk

type Value = tuple[Any, int]
"""What is encoded under a root field's key, and how many rows it holds."""

NOTHING: Value = (None, 0)
NUMBERS = count(1)

INTROSPECTING = Price(5, 0)


class Root(ABC):
    """One root field. `value` gives its Value, or raises; one that is missing is null where the field may be. One that `tries` a credential
    always pays in full."""

    nullable, public, personal, tries, access = True, True, False, False, ANYONE
    kept = False
    """Whether the read cache may keep what it gives, whatever the variables are."""

    def __init__(self, key: str, nodes: Sequence[FieldNode]) -> None:
        self.number = next(NUMBERS)
        self.key, self.nodes, self.once = key, nodes, Key(nodes)
        # What stands before its value, and what does where it is the only field.
        self.prefix = f'"{key}":'.encode()
        self.opening = b'{"data":{' + self.prefix

    @abstractmethod
    def price(self, context: CallContext, variables: Variables) -> Price:
        """What this field costs in one request."""

    def keeps_off(self, variables: Variables) -> bool:
        """Whether the answer holds personal data, which no cache keeps."""
        return self.personal

    def keeps(self, variables: Variables) -> bool:
        """Whether the read cache may keep what it gives."""
        return self.kept

    @abstractmethod
    async def value(self, context: CallContext, variables: Variables) -> Value:
        """The value of this field for one request."""


class Constant(Root):
    """`__typename` of a root type."""

    def __init__(self, key: str, nodes: Sequence[FieldNode], said: str) -> None:
        super().__init__(key, nodes)
        self.said = said

    def price(self, context: CallContext, variables: Variables) -> Price:
        """It is known without looking."""
        return FREE

    async def value(self, context: CallContext, variables: Variables) -> Value:
        """The type's name."""
        return self.said, 0


class SchemaRoot(Root):
    """`__schema` or `__type`: graphql-core answers it."""

    def price(self, context: CallContext, variables: Variables) -> Price:
        """A look at the schema has a price of its own."""
        return INTROSPECTING

    async def value(self, context: CallContext, variables: Variables) -> Value:
        """Only graphql-core knows."""
        raise NotImplementedError


class OneRoot(Root):
    """A field that gives one object: a read of one thing, or a write. A `careful` one changes nothing without an expected version."""

    def __init__(
        self,
        key: str,
        nodes: Sequence[FieldNode],
        field: RootField[..., Any],
        definition: GraphQLField,
        walk: Walk,
        *,
        careful: bool = False,
    ) -> None:
        super().__init__(key, nodes)
        self.careful = careful and "expectedVersion" in field.parameters
        self.field, self.public, self.writes = field, field.operation.public, field.operation.writes
        self.access, self.tries = field.operation.access, field.operation.attempt is not None
        self.arguments = Arguments(definition, nodes[0])
        of = field.operation.of
        self.want = walk.want(of, of.name, nodes)
        self.personal = personal(of, self.want.form.fields)
        self.kept = self.public and not self.personal
        self.priced: Price | None = None

    def price(self, context: CallContext, variables: Variables) -> Price:
        """The price of the operation; without variables in its relations it is always the same."""
        found = self.priced
        if found is None:
            found = price(self.field.operation, self.want.bind(variables, context.caller.permissions))
            self.priced = found if self.want.fixed else None
        return found

    async def value(self, context: CallContext, variables: Variables) -> Value:
        """The record's body; null where a read finds nothing."""
        try:
            arguments = self.field.arguments(self.arguments.values(variables))
            if self.careful and "expected_version" not in arguments:
                raise PreconditionRequired("Give the version that you read as `expectedVersion`.")
            ask = Ask(context, self.want.bind(variables, context.caller.permissions), EVERYTHING)
            record = await self.field.call(ask, **arguments)
            return record.body, record.rows
        except NotFound:
            if self.writes:
                raise
            return NOTHING


class PageRoot(Root):
    """A field that gives a page of a list."""

    def __init__(
        self, key: str, nodes: Sequence[FieldNode], field: RootField[..., Any], definition: GraphQLField, walk: Walk
    ) -> None:
        super().__init__(key, nodes)
        operation = field.operation
        self.field, self.public, self.nullable = field, operation.public, operation.under is not None
        self.access = operation.access
        self.want, total = walk.want_page(operation.rows, nodes)
        self.personal = personal(operation.of, self.want.form.fields)
        self.kept = self.public and not self.personal
        self.window = WindowArguments(definition, nodes[0], operation.rows, True, total)
        lists = (self.window, *self.want.windows)
        self.asked = by_values(
            None if any(w.deep for w in lists) else [v for w in lists for v in w.direct.values()], self.bound
        )

    def bound(self, variables: Variables, permissions: frozenset[str]) -> tuple[Selection[Any], Window, Price]:
        """What is asked in this request, and what it costs."""
        want, window = self.want.bind(variables, permissions), self.window.bind(variables, permissions)
        return want, window, price(self.field.operation, want, window)

    def price(self, context: CallContext, variables: Variables) -> Price:
        """The price of the operation."""
        return self.asked(variables, context.caller.permissions)[2]

    async def value(self, context: CallContext, variables: Variables) -> Value:
        """The page as it was asked for; null where the row that it would stand below is missing."""
        want, window, _ = self.asked(variables, context.caller.permissions)
        ask = Ask(context, want, window)
        try:
            page = await self.field.call(
                ask, **(self.field.arguments(self.window.values(variables)) if self.field.parameters else {})
            )
            return page.body, page.rows
        except NotFound:
            if self.nullable:
                return NOTHING
            raise
