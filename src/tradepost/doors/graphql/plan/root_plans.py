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
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, ListQuery
from tradepost.kit.resource.selection import Selection, has_personal_data
from tradepost.kit.writes.call_context import CallContext

from ..schema.root_fields import GraphQLRequest, RootField
from .arguments import Arguments, ListArguments, Variables, memoize_by_variables
from .idempotent_directive import IdempotentDirective
from .selection_compiler import SelectionCompiler

type RootValue = tuple[Any, int]
"""What is encoded under a root field's key, and how many rows it holds."""

NULL_VALUE: RootValue = (None, 0)
NUMBERS = count(1)

INTROSPECTING = Price(5, 0)


class Root(ABC):
    """One root field. `value` gives its Value, or raises; one that is missing is null where the field may be. One that `tries` a credential
    always pays in full."""

    nullable, public, personal, is_credential_attempt, access = True, True, False, False, ANYONE
    always_cacheable = False
    """Whether the read cache may keep what it gives, whatever the variables are."""

    def __init__(self, key: str, nodes: Sequence[FieldNode]) -> None:
        self.cache_id = next(NUMBERS)
        self.response_key, self.nodes, self.idempotent_directive = key, nodes, IdempotentDirective(nodes)
        # What stands before its value, and what does where it is the only field.
        self.json_key = f'"{key}":'.encode()
        self.json_start = b'{"data":{' + self.json_key

    @abstractmethod
    def price(self, context: CallContext, variables: Variables) -> Price:
        """What this field costs in one request."""

    def is_uncacheable(self, variables: Variables) -> bool:
        """Whether the answer holds personal data, which no cache keeps."""
        return self.personal

    def is_cacheable(self, variables: Variables) -> bool:
        """Whether the read cache may keep what it gives."""
        return self.always_cacheable

    @abstractmethod
    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """The value of this field for one request."""


class TypenameRoot(Root):
    """`__typename` of a root type."""

    def __init__(self, key: str, nodes: Sequence[FieldNode], said: str) -> None:
        super().__init__(key, nodes)
        self.said = said

    def price(self, context: CallContext, variables: Variables) -> Price:
        """It is known without looking."""
        return FREE

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """The type's name."""
        return self.said, 0


class SchemaRoot(Root):
    """`__schema` or `__type`: graphql-core answers it."""

    def price(self, context: CallContext, variables: Variables) -> Price:
        """A look at the schema has a price of its own."""
        return INTROSPECTING

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """Only graphql-core knows."""
        raise NotImplementedError


class ObjectRoot(Root):
    """A field that gives one object: a read of one thing, or a write. A `careful` one changes nothing without an expected version."""

    def __init__(
        self,
        key: str,
        nodes: Sequence[FieldNode],
        field: RootField[..., Any],
        definition: GraphQLField,
        walk: SelectionCompiler,
        *,
        require_version: bool = False,
    ) -> None:
        super().__init__(key, nodes)
        self.requires_version = require_version and "expectedVersion" in field.parameters
        self.field, self.public, self.writes = field, field.operation.public, field.operation.is_write
        self.access, self.is_credential_attempt = field.operation.access, field.operation.attempted_account is not None
        self.arguments = Arguments(definition, nodes[0])
        of = field.operation.result
        self.selection = walk.object_selection(of, of.name, nodes)
        self.personal = has_personal_data(of, self.selection.field_set.fields)
        self.always_cacheable = self.public and not self.personal
        self.priced: Price | None = None

    def price(self, context: CallContext, variables: Variables) -> Price:
        """The price of the operation; without variables in its relations it is always the same."""
        found = self.priced
        if found is None:
            found = price(self.field.operation, self.selection.bind(variables, context.caller.permissions))
            self.priced = found if self.selection.is_constant else None
        return found

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """The record's body; null where a read finds nothing."""
        try:
            arguments = self.field.convert_arguments(self.arguments.values(variables))
            if self.requires_version and "expected_version" not in arguments:
                raise PreconditionRequired("Give the version that you read as `expectedVersion`.")
            ask = GraphQLRequest(
                context, self.selection.bind(variables, context.caller.permissions), DEFAULT_LIST_QUERY
            )
            record = await self.field.call(ask, **arguments)
            return record.body, record.rows
        except NotFound:
            if self.writes:
                raise
            return NULL_VALUE


class PageRoot(Root):
    """A field that gives a page of a list."""

    def __init__(
        self,
        key: str,
        nodes: Sequence[FieldNode],
        field: RootField[..., Any],
        definition: GraphQLField,
        walk: SelectionCompiler,
    ) -> None:
        super().__init__(key, nodes)
        operation = field.operation
        self.field, self.public, self.nullable = field, operation.public, operation.parent_relation is not None
        self.access = operation.access
        self.selection, total = walk.page_selection(operation.resource, nodes)
        self.personal = has_personal_data(operation.result, self.selection.field_set.fields)
        self.always_cacheable = self.public and not self.personal
        self.list_arguments = ListArguments(definition, nodes[0], operation.resource, True, total)
        lists = (self.list_arguments, *self.selection.list_arguments)
        self.asked = memoize_by_variables(
            None
            if any(w.has_nested_variables for w in lists)
            else [v for w in lists for v in w.argument_variables.values()],
            self.bound,
        )

    def bound(self, variables: Variables, permissions: frozenset[str]) -> tuple[Selection[Any], ListQuery, Price]:
        """What is asked in this request, and what it costs."""
        want, window = self.selection.bind(variables, permissions), self.list_arguments.bind(variables, permissions)
        return want, window, price(self.field.operation, want, window)

    def price(self, context: CallContext, variables: Variables) -> Price:
        """The price of the operation."""
        return self.asked(variables, context.caller.permissions)[2]

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """The page as it was asked for; null where the row that it would stand below is missing."""
        want, window, _ = self.asked(variables, context.caller.permissions)
        ask = GraphQLRequest(context, want, window)
        try:
            page = await self.field.call(
                ask,
                **(
                    self.field.convert_arguments(self.list_arguments.values(variables)) if self.field.parameters else {}
                ),
            )
            return page.body, page.rows
        except NotFound:
            if self.nullable:
                return NULL_VALUE
            raise
