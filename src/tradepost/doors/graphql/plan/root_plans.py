"""Plans of root fields: which operation to call, with which arguments and Selection."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import count
from typing import Any

from graphql import GraphQLError, GraphQLField
from graphql.language import FieldNode

from tradepost.kit.auth.access import ANYONE, Access
from tradepost.kit.operations.pricing import FREE, Price, price
from tradepost.kit.problems import NotFound, PreconditionRequired
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, ListQuery
from tradepost.kit.resource.selection import Selection, has_personal_data
from tradepost.kit.writes.call_context import CallContext

from ..schema.root_fields import GraphQLRequest, RootField
from .arguments import Arguments, ListArguments, VariableMemo, Variables
from .idempotent_directive import IdempotentDirective
from .selection_compiler import SelectionCompiler

type RootValue = tuple[Any, int]
"""The value of a root field, ready to be encoded, and the number of rows in it."""

NULL_VALUE: RootValue = (None, 0)

cache_ids = count(1)


class Root(ABC):
    """The plan of one root field.

    nullable: whether the field may be null.
    access: who may call it.
    public: whether callers without a credential share its value.
    personal: whether its value holds personal data, which no cache may store.
    is_credential_attempt: whether it checks a credential; it is then always charged in full.
    always_cacheable: whether the read cache may store its value, whatever the variables are.
    field_count: the number of fields that it selects, at all depths.
    json_key: the bytes before the value.
    json_start: the bytes before the value if it is the only field.
    """

    nullable, public, personal, is_credential_attempt, access = True, True, False, False, ANYONE
    always_cacheable, field_count = False, 1

    def __init__(self, response_key: str, nodes: Sequence[FieldNode]) -> None:
        self.cache_id = next(cache_ids)
        self.response_key, self.nodes, self.idempotent_directive = response_key, nodes, IdempotentDirective(nodes)
        self.json_key = f'"{response_key}":'.encode()
        self.json_start = b'{"data":{' + self.json_key

    @abstractmethod
    def price(self, context: CallContext, variables: Variables) -> Price:
        """Return the price of the field in one request."""

    def is_uncacheable(self, variables: Variables) -> bool:
        """Return whether the value holds personal data."""
        return self.personal

    def is_cacheable(self, variables: Variables) -> bool:
        """Return whether the read cache may store the value."""
        return self.always_cacheable

    @abstractmethod
    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """Run the field for one request and return its value."""


class TypenameRoot(Root):
    """`__typename` of Query or Mutation."""

    def __init__(self, response_key: str, nodes: Sequence[FieldNode], type_name: str) -> None:
        super().__init__(response_key, nodes)
        self.type_name = type_name

    def price(self, context: CallContext, variables: Variables) -> Price:
        """Return the price, which is zero."""
        return FREE

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """Return the name of the type."""
        return self.type_name, 0


class NullConditionRoot(Root):
    """A field with a null in a @skip or @include below it: it is not executed."""

    def __init__(
        self, response_key: str, nodes: Sequence[FieldNode], access: Access, *, nullable: bool, error: GraphQLError
    ) -> None:
        """`error`: graphql-core's error, which names the argument and its place."""
        super().__init__(response_key, nodes)
        self.access, self.nullable = access, nullable
        # Not the error itself: it would keep the frames of all its tracebacks.
        self.message, self.condition_nodes = error.message, error.nodes

    def price(self, context: CallContext, variables: Variables) -> Price:
        """Raise the error; the field then has the minimum price."""
        raise GraphQLError(self.message, self.condition_nodes)

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """Raise the error."""
        raise GraphQLError(self.message, self.condition_nodes)


class ObjectRoot(Root):
    """A field whose value is one object: a read of a single object, or a write."""

    def __init__(
        self,
        response_key: str,
        nodes: Sequence[FieldNode],
        field: RootField[..., Any],
        definition: GraphQLField,
        compiler: SelectionCompiler,
        *,
        require_version: bool = False,
    ) -> None:
        """`require_version`: raise PreconditionRequired if `expectedVersion` is left out."""
        super().__init__(response_key, nodes)
        operation = field.operation
        self.requires_version = require_version and "expectedVersion" in field.parameters
        self.field, self.public, self.writes = field, operation.public, operation.is_write
        self.access, self.is_credential_attempt = operation.access, operation.is_credential_attempt
        self.arguments = Arguments(definition, nodes[0])
        self.selection = compiler.object_selection(operation.result, operation.result.name, nodes)
        self.field_count = self.selection.field_set.field_count
        self.personal = has_personal_data(operation.result, self.selection.field_set.fields)
        self.always_cacheable = self.public and not self.personal
        self._constant_price: Price | None = None

    def price(self, context: CallContext, variables: Variables) -> Price:
        """Return the operation's price; computed once if the Selection has no variables."""
        root_price = self._constant_price
        if root_price is None:
            root_price = price(self.field.operation, self.selection.bind(variables, context.caller.permissions))
            self._constant_price = root_price if self.selection.is_constant else None
        return root_price

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """Return the record's body; null if a read does not find it."""
        try:
            arguments = self.field.convert_arguments(self.arguments.values(variables))
            if self.requires_version and "expected_version" not in arguments:
                raise PreconditionRequired("Give the version that you read as `expectedVersion`.")
            request = GraphQLRequest(
                context, self.selection.bind(variables, context.caller.permissions), DEFAULT_LIST_QUERY
            )
            record: Record[Any] = await self.field.call(request, **arguments)
            return record.body, record.row_count
        except NotFound:
            if self.writes:
                raise
            return NULL_VALUE


class PageRoot(Root):
    """A field whose value is a page of a list."""

    def __init__(
        self,
        response_key: str,
        nodes: Sequence[FieldNode],
        field: RootField[..., Any],
        definition: GraphQLField,
        compiler: SelectionCompiler,
    ) -> None:
        super().__init__(response_key, nodes)
        operation = field.operation
        self.field, self.public, self.nullable = field, operation.public, operation.parent_relation is not None
        self.access = operation.access
        self.selection, total = compiler.page_selection(operation.resource, nodes)
        self.field_count = self.selection.field_set.field_count
        self.personal = has_personal_data(operation.result, self.selection.field_set.fields)
        self.always_cacheable = self.public and not self.personal
        self.list_arguments = ListArguments(definition, nodes[0], operation.resource, True, total)
        lists = (self.list_arguments, *self.selection.list_arguments)
        self._bound = VariableMemo[tuple[Selection[Any], ListQuery, Price]](
            None
            if any(arguments.has_nested_variables for arguments in lists)
            else [variable for arguments in lists for variable in arguments.argument_variables.values()]
        )

    def _bind(self, variables: Variables, permissions: frozenset[str]) -> tuple[Selection[Any], ListQuery, Price]:
        selection = self.selection.bind(variables, permissions)
        list_query = self.list_arguments.bind(variables, permissions)
        return selection, list_query, price(self.field.operation, selection, list_query)

    def price(self, context: CallContext, variables: Variables) -> Price:
        """Return the operation's price."""
        return self._bound.get(variables, context.caller.permissions, self._bind)[2]

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """Return the body of the page; null if the row that the list belongs to does not exist."""
        selection, list_query, _ = self._bound.get(variables, context.caller.permissions, self._bind)
        request = GraphQLRequest(context, selection, list_query)
        field = self.field
        try:
            arguments = field.convert_arguments(self.list_arguments.values(variables)) if field.parameters else {}
            page: Page[Any] = await field.call(request, **arguments)
            return page.body, page.row_count
        except NotFound:
            if self.nullable:
                return NULL_VALUE
            raise
