"""Requests: what comes to the GraphQL door, and what is ready to be executed."""

from typing import Any

import msgspec

from tradepost.kit.operations.pricing import Price
from tradepost.kit.problems import InvalidParameter

from ...http.asgi import Scope
from ...http.idempotency_header import HEADER, idempotency_key
from ..plan.arguments import Variables
from ..plan.root_plans import Root, SchemaRoot, TypenameRoot
from .document import PreparedOperation, Roots

INTROSPECTION, CONDITION = "introspection", "null_condition"
FALLBACK_REASONS: tuple[str, ...] = (INTROSPECTION, CONDITION)
"""What the plans do not do: the schema is graphql-core's to tell, and a document may fail in collecting its fields."""


class RequestParameters(msgspec.Struct, rename="camel"):
    """The parameters of a GraphQL request."""

    query: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None


class PreparedRequest:
    """A request that can be executed. Once it has been, `replayed` names the fields whose outcomes were kept, and `retry_after` tells in how many
    seconds its only field may succeed."""

    __slots__ = ("operation", "prices", "replayed_fields", "request", "retry_after", "roots", "variables")

    def __init__(
        self,
        request: RequestParameters,
        operation: PreparedOperation,
        variables: Variables,
        roots: Roots,
        prices: list[Price],
    ) -> None:
        self.request, self.operation, self.variables, self.roots, self.prices = (
            request,
            operation,
            variables,
            roots,
            prices,
        )
        self.replayed_fields: list[str] = []
        self.retry_after: int | None = None

    @property
    def points(self) -> int:
        """The price of the document: the sum of its root fields, and 1 at least where any of them costs something or says nothing."""
        if len(self.prices) == 1 and (only := self.prices[0].points):
            return only
        return sum([p.points for p in self.prices]) or (
            0 if any(not isinstance(r, TypenameRoot) for r in self.roots) else 1
        )

    @property
    def fallback_reason(self) -> str | None:
        """Why graphql-core has to run it, as a word of HANDOVERS; None where the plan can."""
        document = self.operation.document
        if document.introspects and any([type(r) is SchemaRoot for r in self.roots]):
            return INTROSPECTION
        # A variable with a default may be null, and no condition may: that is a fault of the place where the condition stands.
        coerced = self.variables.coerced
        return CONDITION if any([f in coerced and coerced[f] is None for f in document.condition_variables]) else None

    @property
    def public(self) -> bool:
        """Whether callers without a credential share the answer."""
        return all(r.public for r in self.roots)

    @property
    def personal(self) -> bool:
        """Whether no cache keeps the answer. Faulty arguments end in an error, and that nobody keeps either."""
        try:
            return any([r.is_uncacheable(self.variables) for r in self.roots])
        except Exception:
            return True

    @property
    def mutation_roots(self) -> list[Root]:
        """The fields that call an operation that writes."""
        return [r for r in self.roots if self.operation.writes and not isinstance(r, TypenameRoot)]

    def idempotency_key(self, scope: Scope) -> str | None:
        """The key in the request's header, for the one field that it can be meant for; a directive there wins."""
        written = self.mutation_roots
        if not written or (len(written) == 1 and written[0].idempotent_directive.key_node is not None):
            return None
        key = idempotency_key(scope)
        if key is not None and len(written) > 1:
            raise InvalidParameter(
                f"The document has {len(written)} mutation fields; give each a key of its own: `@idempotent(key:)`.",
                parameter=HEADER,
            )
        return key
