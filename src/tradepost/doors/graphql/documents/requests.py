"""The parameters of a GraphQL request, and a request that is ready to be executed."""

from typing import Any

import msgspec

from tradepost.kit.operations.pricing import Price
from tradepost.kit.problems import InvalidParameter

from ...http.access_log import GraphQLLogEntry, logged_names
from ...http.asgi import Scope
from ...http.idempotency_header import HEADER, idempotency_key
from ..plan.arguments import Variables
from ..plan.root_plans import Root, TypenameRoot
from .document import PreparedOperation, Roots


class RequestParameters(msgspec.Struct, rename="camel"):
    """The parameters of a GraphQL request (GraphQL over HTTP)."""

    query: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None


class PreparedRequest:
    """A request with its operation, coerced variables, plans and prices.

    The executor sets:
    problem_codes: the codes of the problems of its fields.
    replayed_fields: the response keys of the mutations whose stored outcome was returned.
    retry_after: seconds after which the only field may succeed.
    challenge: `WWW-Authenticate` of a field that needs a credential.
    """

    __slots__ = (
        "__weakref__",
        "challenge",
        "operation",
        "prices",
        "problem_codes",
        "replayed_fields",
        "request",
        "retry_after",
        "roots",
        "variables",
    )

    def __init__(
        self,
        request: RequestParameters,
        operation: PreparedOperation,
        variables: Variables,
        roots: Roots,
        prices: list[Price],
    ) -> None:
        self.request, self.operation, self.variables = request, operation, variables
        self.roots, self.prices = roots, prices
        self.replayed_fields: list[str] = []
        self.problem_codes: list[str] = []
        self.retry_after: int | None = None
        self.challenge: str | None = None

    def log_entry(self) -> GraphQLLogEntry:
        """Return what the access log has of the request."""
        operation = self.operation
        return GraphQLLogEntry(
            operation.node.operation.value,
            operation.log_name,
            logged_names([root.nodes[0].name.value for root in self.roots if root.nodes]),
            logged_names(self.problem_codes),
        )

    @property
    def points(self) -> int:
        """The price of the request: the sum of its fields' prices.

        A request with `__typename` only costs 1, one with free operations only costs 0.
        """
        if len(self.prices) == 1 and (points := self.prices[0].points):
            return points
        return sum([p.points for p in self.prices]) or (
            0 if any(not isinstance(r, TypenameRoot) for r in self.roots) else 1
        )

    @property
    def public(self) -> bool:
        """Whether callers without a credential share the response."""
        return all(r.public for r in self.roots)

    @property
    def personal(self) -> bool:
        """Whether no cache may store the response."""
        try:
            return any([r.is_uncacheable(self.variables) for r in self.roots])
        except Exception:
            # Invalid arguments: the response is an error, which is not cacheable either.
            return True

    @property
    def mutation_roots(self) -> list[Root]:
        """The fields that call an operation that writes."""
        return [r for r in self.roots if self.operation.writes and not isinstance(r, TypenameRoot)]

    def idempotency_key(self, scope: Scope) -> str | None:
        """Return the key in the header, which applies to a single mutation field without directive.

        Raise InvalidParameter if there are several mutation fields.
        """
        mutations = self.mutation_roots
        if not mutations or (len(mutations) == 1 and mutations[0].idempotent_directive.key_node is not None):
            return None
        key = idempotency_key(scope)
        if key is not None and len(mutations) > 1:
            raise InvalidParameter(
                f"The document has {len(mutations)} mutation fields; "
                "use `@idempotent(key:)` to give each field its own key.",
                parameter=HEADER,
            )
        return key
