"""Problems: errors that a client can correct, raised by services and rendered by both APIs.

    Problem
    |- 400  MalformedBody, InvalidParameter, TooDeep, TooManyAliases, TooExpensive,
    |       IdempotencyKeyMissing, IdempotencyKeyTooShort
    |- 401  Unauthenticated, TokenExpired   403  Forbidden
    |- 404  NotFound                        405  MethodNotAllowed      406  NotAcceptable
    |- 409  AlreadyExists, Conflict, InvalidTransition, PatchTestFailed, IdempotencyInProgress,
    |       OutOfStock, StockReserved, TotalChanged, HasHistory, TooManyOpenOrders,
    |       PaymentInProgress
    |- 412  PreconditionFailed              413  ContentTooLarge       415  UnsupportedMediaType
    |- 422  Validation, CurrencyNotSold, PaymentMethodNotOffered, PatchTargetMissing,
    |       IdempotencyKeyReused
    |- 428  PreconditionRequired            429  QuotaExceeded
    '- 500  Internal                        503  Unavailable

The format is RFC 9457. A code never changes. `title` and `cure` belong to the class; `detail`,
`errors` and `members` to one occurrence. The docstring, title, cure and example of each class are
public: `/problems/{code}` and the OpenAPI document show them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from .clock import to_rfc3339
from .quoting import MAX_POINTER, did_you_mean, shorten

MAX_FAULTS = 100
EXAMPLE_ID = "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e28"

Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Quantity = Annotated[int, Meta(ge=0)]


class Fault(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One error in a request. `pointer` is a JSON pointer into the body, `parameter` a name.

    suggestion: the end of `detail` that suggests a known name; empty if there is none.
    """

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    suggestion: str = ""

    def __post_init__(self) -> None:
        if self.pointer and (len(self.pointer) > MAX_POINTER or not self.pointer.isprintable()):
            self.pointer = shorten(self.pointer, MAX_POINTER)

    def to_dict(self) -> dict[str, Any]:
        """Return the members that both APIs show."""
        members = msgspec.to_builtins(self)
        members.pop("suggestion", None)
        return members


class Problem(Exception):
    """An error with a stable code, an HTTP status, a title and a cure.

    is_transient: whether the same request may succeed if it is repeated.
    retry_after: seconds to wait before repeating it.
    members: additional members: plain values, Structs, and lists of them. Both APIs show them with
        the REST API's names.
    member_types: the types of additional members, for the OpenAPI document. A string is the name of
        a result that a later area defines.
    example: members of a sample occurrence, for the problem pages and the OpenAPI document.
    """

    code: ClassVar[str] = "problem"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request failed"
    cure: ClassVar[str] = "Read `detail`: it names what is wrong and what is allowed."
    is_transient: bool = False
    retry_after: int | None = None
    member_types: ClassVar[Mapping[str, Any]] = {}
    example: ClassVar[dict[str, Any]] = {}

    def __init__(self, detail: str = "", *, errors: list[Fault] | None = None, **members: Any) -> None:
        self.detail = detail or self.title
        self.errors, self.members = (errors or [])[:MAX_FAULTS], members and _to_plain(members)
        super().__init__(self.detail)

    def headers(self) -> dict[str, str]:
        """Return the HTTP headers of the response.

        `Retry-After` is RFC 9110, 10.2.3; for a 429 also RFC 6585, 4.
        """
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    def hide_schema(self) -> None:
        """Remove known names, for callers without access to the schema."""
        for fault in self.errors:
            if fault.suggestion:
                self.detail = self.detail.replace(fault.suggestion, "")
                fault.detail, fault.suggestion = fault.detail.removesuffix(fault.suggestion), ""

    def to_dict(self) -> dict[str, Any]:
        """Return the members that both APIs show. Each adds `request_id`, REST also `instance`."""
        document: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [fault.to_dict() for fault in self.errors]
        if self.retry_after is not None:
            document["retry_after"] = self.retry_after
        return document | self.members


def _to_plain(value: Any) -> Any:
    """Return Structs as dicts, and times as on the wire."""
    return _format_times(msgspec.to_builtins(value, builtin_types=(datetime,)))


def _format_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _format_times(member) for name, member in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [_format_times(item) for item in cast(list[Any], value)]
    return to_rfc3339(value) if isinstance(value, datetime) else value


def all_problems(base: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Yield every loaded subclass, parents before children."""
    for kind in base.__subclasses__():
        yield kind
        yield from all_problems(kind)


class MalformedBody(Problem):
    """The body is not well-formed in the media type that `Content-Type` names."""

    code, status, title = "malformed", 400, "Malformed body"
    cure = "Send well-formed JSON or MessagePack, and name its media type in `Content-Type`."
    example = {"detail": "The body is not well-formed JSON: JSON is malformed: expected ',' or '}' (byte 18)."}


class InvalidParameter(Problem):
    """A query parameter, header or GraphQL argument is not valid."""

    code, status, title = "invalid_parameter", 400, "Invalid parameter"
    cure = "Correct the parameter named in `errors[].parameter`. The detail lists what is allowed."
    example = {
        "detail": "`limit` is `500`; allowed: a whole number from 1 to 100.",
        "errors": [
            {
                "parameter": "limit",
                "code": "invalid",
                "detail": "`limit` is `500`; allowed: a whole number from 1 to 100.",
            }
        ],
    }

    def __init__(
        self,
        detail: str = "",
        *,
        parameter: str | None = None,
        allowed: Sequence[str] = (),
        unknown: str = "",
        errors: list[Fault] | None = None,
    ) -> None:
        """`allowed` is appended to the detail, and the one nearest to `unknown` is suggested.

        `hide_schema` removes both.
        """
        parameter = shorten(parameter) if parameter else parameter
        self.short_detail, self.parameter = detail, parameter
        suggestion = did_you_mean(unknown, allowed) if unknown else ""
        full_detail = f"{detail}{suggestion} Allowed: {', '.join(allowed)}." if allowed else detail
        super().__init__(full_detail, errors=errors or self._errors(full_detail))

    def _errors(self, detail: str) -> list[Fault]:
        return [Fault(code="invalid", detail=detail, parameter=self.parameter)] if self.parameter else []

    def hide_schema(self) -> None:
        """Remove the allowed names from the detail."""
        if self.short_detail != self.detail:
            self.detail, self.errors = self.short_detail, self._errors(self.short_detail)

    def rename_parameter(self, parameter: str, names: Mapping[str, str]) -> "InvalidParameter":
        """Change this problem to an API's own name of the parameter, and return it.

        `names` maps names to that API's spelling; they are replaced where they stand in backticks.
        """
        detail, short_detail = self.detail, self.short_detail
        for old, new in names.items():
            detail = detail.replace(f"`{old}`", f"`{new}`")
            short_detail = short_detail.replace(f"`{old}`", f"`{new}`")
        self.detail, self.short_detail, self.parameter = detail, short_detail, parameter
        self.errors = self._errors(detail)
        return self


class TooDeep(InvalidParameter):
    """The selection nests more relations than allowed."""

    code, title = "too_deep", "Selection too deep"
    cure = "Select fewer nested relations, and read the rest by the links or ids in the response."
    example = {"detail": "Relations can be nested at most 10 levels deep."}


class TooManyAliases(InvalidParameter):
    """The `fields` parameter or the GraphQL document has more aliases than allowed."""

    code, title = "too_many_aliases", "Too many aliases"
    cure = "Use fewer aliases, or split the request."
    example = {"detail": "At most 50 aliases are allowed."}


class TooExpensive(Problem):
    """The request costs more points than one request may, or than the caller's bucket can hold."""

    code, title = "too_expensive", "Request too expensive"
    cure = (
        "Request fewer rows (`limit`, `first`) or fewer nested relations. "
        "`points` is the price of the request, `limit` the highest price allowed."
    )
    example = {
        "detail": "The request costs up to 1101 points; at most 1000 are allowed.",
        "points": 1101,
        "limit": 1000,
    }


class Unauthenticated(Problem):
    """The request needs a credential, or its credential is not valid."""

    code, status, title = "unauthenticated", 401, "Authentication required"
    cure = (
        "Send an API key in `X-API-Key`, or an API key or access token as `Authorization: Bearer`. "
        "Check that it is complete, and neither expired nor revoked."
    )
    example = {
        "detail": "The permission `catalog:write` is required. "
        "Send a credential in `Authorization` (as `Bearer`) or in `X-API-Key`."
    }
    is_bad_credential: bool = False

    @classmethod
    def bad_credential(cls, detail: str) -> "Unauthenticated":
        """Create the problem of a request whose credential is not valid."""
        problem = cls(detail)
        problem.is_bad_credential = True
        return problem

    def headers(self) -> dict[str, str]:
        """Return `WWW-Authenticate`, which names the scheme (RFC 9110, 11.6.1).

        It says what is wrong with the credential, unless none was sent (RFC 6750, 3.1).
        """
        challenge = 'Bearer realm="tradepost"'
        if self.is_bad_credential:
            challenge += f', error="invalid_token", error_description="{self.detail}"'
        return {"WWW-Authenticate": challenge}


class TokenExpired(Unauthenticated):
    """The access token was valid, but has expired."""

    code, title = "token_expired", "Access token expired"
    cure = "Get a new access token with the refresh token (`token_refresh`), or log in again."
    example = {"detail": "The access token has expired."}
    is_bad_credential = True


class Forbidden(Problem):
    """The caller is authenticated but lacks the permission named in the detail."""

    code, status, title = "forbidden", 403, "Permission denied"
    cure = "Use a credential that has the permission named in the detail."
    example = {"detail": "The permission `catalog:write` is required."}


class NotFound(Problem):
    """The resource does not exist, or the caller may not see it."""

    code, status, title = "not_found", 404, "Not found"
    cure = "Check the id or the path. A resource that you may not see is reported as not found."
    example = {"detail": "There is no product `oak-chair`."}


class MethodNotAllowed(Problem):
    """The path does not support this method."""

    code, status, title = "method_not_allowed", 405, "Method not allowed"
    cure = "Use one of the methods listed in `Allow`."
    example = {"detail": "Allowed methods: GET, HEAD, OPTIONS, POST."}

    def __init__(self, allow: str) -> None:
        super().__init__(f"Allowed methods: {allow}.")
        self.allow = allow

    def headers(self) -> dict[str, str]:
        """Return `Allow` (RFC 9110, 15.5.6)."""
        return {"Allow": self.allow}


class NotAcceptable(Problem):
    """None of the media types in `Accept` is available here."""

    code, status, title = "not_acceptable", 406, "No acceptable media type"
    cure = "Name one of the media types listed in the detail in `Accept`, or omit the header."
    example = {"detail": "Available here: application/json, application/msgpack."}


class AlreadyExists(Problem):
    """Another resource has the same value of the unique member that `field` names."""

    code, status, title = "already_exists", 409, "Already exists"
    cure = "Choose another value for the member named in `field`, or update the existing resource."
    example = {"detail": "This `slug` is already in use.", "field": "slug"}


class Conflict(Problem):
    """The change conflicts with the current state of the resource, or with concurrent writes."""

    code, status, title = "conflict", 409, "Conflict"
    cure = "Read the resource again, and repeat the change on its current state."
    example = {"detail": "The category still has products."}

    @classmethod
    def lost_race(cls, detail: str) -> "Conflict":
        """Create the problem of a write that lost against concurrent writes."""
        problem = cls(detail)
        problem.is_transient = True
        return problem


class InvalidTransition(Problem):
    """The operation is not possible in the current state of the resource."""

    code, status, title = "invalid_transition", 409, "Not possible in this state"
    cure = "See `links` (GraphQL: `availableActions`) for the operations that are possible now."
    member_types = {
        "order_id": Annotated[Id, Meta(description="With `invalid_transition`: the order placed from the cart.")]
    }


class OutOfStockLine(msgspec.Struct, frozen=True, kw_only=True):
    """A variant that cannot be sold in the requested quantity."""

    variant_id: Id
    sku: str | None
    requested: Quantity
    available: Annotated[
        int | UnsetType, Meta(description="The quantity that can be sold. Requires the permission `stock:read`.")
    ] = UNSET


class OutOfStock(Problem):
    """The stock does not cover the requested quantities. `lines` names every such variant."""

    code, status, title = "out_of_stock", 409, "Out of stock"
    cure = "Reduce the quantities of the variants named in `lines` or remove them, then try again."
    member_types = {
        "lines": Annotated[
            list[OutOfStockLine], Meta(description="With `out_of_stock`: the variants that cannot be sold.")
        ]
    }
    example = {
        "detail": "`OAK-CHAIR` is out of stock.",
        "lines": [{"variant_id": EXAMPLE_ID, "sku": "OAK-CHAIR", "requested": 3}],
    }


class StockReserved(Problem):
    """The change would leave less stock than is reserved for orders.

    `order_numbers` names those that you may see.
    """

    code, status, title = "stock_reserved", 409, "Stock is reserved"
    cure = "Ship or cancel the orders named in `order_numbers`, or choose a higher quantity."
    member_types = {
        "order_numbers": Annotated[
            list[str],
            Meta(max_length=100, description="With `stock_reserved`: the orders that the stock is reserved for."),
        ]
    }
    example = {"detail": "5 are reserved, so at least 5 must be on hand.", "order_numbers": ["1001", "1007"]}


class TotalChanged(Problem):
    """The total of the cart is not the expected one. Nothing was ordered or reserved."""

    code, status, title = "total_changed", 409, "The total has changed"
    cure = "Show the customer the new total in `quote`, and place the order with it as `expected_total`."
    member_types = {"quote": "CartQuote"}
    example = {
        "detail": "The total is €19.99, but €18.99 was expected.",
        "quote": {"grand_total": {"amount": 1999, "currency": "EUR"}},
    }


class HasHistory(Problem):
    """The row cannot be deleted, because orders, reservations or reviews refer to it."""

    code, status, title = "has_history", 409, "Has a history"
    cure = "Archive it or set it to inactive. It is then no longer offered, and existing orders stay complete."
    example = {"detail": "The variant `OAK-CHAIR` is part of an order."}


class TooManyOpenOrders(Problem):
    """The customer, e-mail address or client address already has many orders that are not paid."""

    code, status, title = "too_many_open_orders", 409, "Too many unpaid orders"
    cure = "Pay for or cancel one of the open orders, or wait until they expire."
    example = {"detail": "At most 3 orders can be open without payment.", "limit": 3}


class PaymentInProgress(Problem):
    """The order has a payment whose result is not known yet."""

    code, status, title = "payment_in_progress", 409, "A payment is in progress"
    cure = "Read the payment named in `payment_id` until its status changes. If it fails, create a new payment."
    member_types = {
        "payment_id": Annotated[Id, Meta(description="With `payment_in_progress`: the payment that is in progress.")]
    }
    example = {"detail": "A payment of this order is being processed.", "payment_id": EXAMPLE_ID}


class PatchTestFailed(Problem):
    """A `test` operation of the JSON Patch found another value (RFC 6902, 4.6)."""

    code, status, title = "patch_test_failed", 409, "Patch test failed"
    cure = "Read the resource again and create a new patch."
    example = {
        "detail": "`/version` has another value.",
        "errors": [{"pointer": "/0", "code": "test_failed", "detail": "`/version` has another value."}],
    }


class IdempotencyInProgress(Problem):
    """A request with this idempotency key is running, or was interrupted less than a minute ago."""

    code, status, title = "idempotency_in_progress", 409, "A request with this key is still running"
    cure = (
        "Repeat the request with the same key after `retry_after` seconds. "
        "Once the first request has finished, its outcome is returned."
    )
    example = {"detail": "A request with this key is still running.", "retry_after": 1}
    is_transient = True
    retry_after = 1


class PreconditionFailed(Problem):
    """The version of the resource is not the one that the request expects."""

    code, status, title = "precondition_failed", 412, "Version conflict"
    cure = "Read the resource again and send its current version in `If-Match` (GraphQL: `expectedVersion`)."
    example = {"detail": "The current version is 3, but version 2 was expected.", "version": 3}


class ContentTooLarge(Problem):
    """The body is larger than allowed."""

    code, status, title = "content_too_large", 413, "Body too large"
    cure = "Send a smaller body. The detail names the limit."
    example = {"detail": "The body may have at most 1048576 bytes.", "limit": 1048576}


class UnsupportedMediaType(Problem):
    """The media type or the content encoding of the body is not supported here."""

    code, status, title = "unsupported_media_type", 415, "Unsupported media type"
    cure = "Send one of the media types listed in the detail, without a `Content-Encoding`."
    example = {
        "detail": "The body's media type is `text/plain`; supported: application/json, application/msgpack, in UTF-8."
    }

    def __init__(self, detail: str = "", *, accept: str = "", accept_patch: str = "") -> None:
        super().__init__(detail)
        self.accept, self.accept_patch = accept, accept_patch

    def headers(self) -> dict[str, str]:
        """Return `Accept` (RFC 9110, 12.5.1) and `Accept-Patch` (RFC 5789, 2.2)."""
        return ({"Accept": self.accept} if self.accept else {}) | (
            {"Accept-Patch": self.accept_patch} if self.accept_patch else {}
        )


class Validation(Problem):
    """The body or `input` breaks its schema or a business rule. `errors` lists every fault."""

    code, status, title = "validation", 422, "Invalid input"
    cure = "Correct every member named in `errors[].pointer` and send the request again."
    example = {
        "detail": "/name: This member is required. (2 errors in total)",
        "errors": [
            {"pointer": "/name", "code": "required", "detail": "This member is required."},
            {
                "pointer": "/variants/0/price/amount",
                "code": "out_of_range",
                "detail": "`-1` is less than the minimum of 0.",
            },
        ],
    }

    @classmethod
    def at_pointer(cls, pointer: str, detail: str, code: str = "invalid") -> "Validation":
        """Create a problem with one fault."""
        return cls(detail, errors=[Fault(code=code, detail=detail, pointer=pointer)])


class CurrencyNotSold(Validation):
    """A price is not in the currency of this shop. `errors` lists every such price."""

    code, title = "currency_not_sold", "Not the currency of this shop"
    cure = "Send all prices in the currency named in the detail. It is the setting SHOP_CURRENCY."
    example = {
        "detail": "/price/currency: This shop sells in EUR, not in USD.",
        "errors": [
            {"pointer": "/price/currency", "code": "currency_not_sold", "detail": "This shop sells in EUR, not in USD."}
        ],
    }


class PaymentMethodNotOffered(Validation):
    """The shop does not offer this provider and method for the order's country and total."""

    code, title = "payment_method_not_offered", "Payment method not offered"
    cure = "Choose one of the order's `payment_methods`."
    example = {
        "detail": "/provider: `stripe` is not offered for this order.",
        "errors": [
            {
                "pointer": "/provider",
                "code": "payment_method_not_offered",
                "detail": "`stripe` is not offered for this order.",
            }
        ],
    }


class PatchTargetMissing(Problem):
    """A pointer in the JSON Patch does not exist in the document (RFC 6902, 4)."""

    code, status, title = "patch_target_missing", 422, "Patch target not found"
    cure = "Check the pointers of the patch against the resource's default representation."
    example = {
        "detail": "`/size` does not exist.",
        "errors": [{"pointer": "/0", "code": "missing", "detail": "`/size` does not exist."}],
    }


class IdempotencyKeyReused(Problem):
    """The idempotency key was used with another input of this operation in the last 24 hours."""

    code, status, title = "idempotency_key_reused", 422, "Idempotency key reused"
    cure = "Use a new key for every change. Repeat a key only with exactly the same input."
    example = {"detail": "The key `8e03978e` was used for another input of `product_create`."}


class IdempotencyKeyMissing(Problem):
    """This operation requires an idempotency key, so that a repeated request changes nothing."""

    code, status, title = "idempotency_key_missing", 400, "Idempotency key missing"
    cure = (
        "Send a new random value, such as a UUID, in `Idempotency-Key` (GraphQL: `@idempotent(key:)`). "
        "Send the same value when you repeat the request."
    )
    example = {"detail": "`order_place` requires an `Idempotency-Key`."}


class IdempotencyKeyTooShort(Problem):
    """A key that could be guessed would reveal the secret in this operation's outcome.

    Keys of callers without a credential are shared by everyone at their network address.
    """

    code, status, title = "idempotency_key_too_short", 400, "Idempotency key too short"
    cure = "Use a random value of at least 20 characters, such as a UUID."
    example = {"detail": "Without a credential, a key of `cart_create` has at least 20 characters."}


class PreconditionRequired(Problem):
    """This server requires `If-Match` on changes (setting REQUIRE_IF_MATCH; RFC 6585, 3)."""

    code, status, title = "precondition_required", 428, "Precondition required"
    cure = "Send the resource's ETag in `If-Match` (GraphQL: its version in `expectedVersion`)."
    example = {"detail": "Send the resource's ETag in `If-Match`."}


class QuotaExceeded(Problem):
    """The caller has fewer points left than the request costs, or made too many login attempts.

    Points are refilled continuously.
    """

    code, status, title = "quota_exceeded", 429, "Rate limit exceeded"
    cure = (
        "Wait `retry_after` seconds. Every response reports the points left in `RateLimit` "
        "and the request's cost in `X-Request-Cost`."
    )
    example = {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "detail": "The request costs more points than are left of 600 per minute.",
        "retry_after": 12,
        "violated-policies": ["points"],
    }

    def __init__(
        self, retry_after: int = 1, limit: int = 600, policies: Sequence[str] = ("points",), *, detail: str = ""
    ) -> None:
        """`limit` is in points per minute. `policies` name the exhausted buckets.

        Buckets that hold something else than points need a `detail`.
        """
        super().__init__(detail or f"The request costs more points than are left of {limit} per minute.")
        self.members["violated-policies"] = list(policies)
        self.retry_after = max(retry_after, 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the members, with the type registered at IANA.

        It is defined in draft-ietf-httpapi-ratelimit-headers.
        """
        return super().to_dict() | {"type": self.example["type"]}


class Internal(Problem):
    """An unexpected error on our side. It is logged under the request id, and not shown."""

    code, status, title = "internal", 500, "Something went wrong on our side"
    cure = "Try again. If the error persists, report the `request_id`."


class Unavailable(Problem):
    """The service cannot respond in time at the moment."""

    code, status, title = "unavailable", 503, "Service unavailable"
    cure = "Try again after `retry_after` seconds."
    example = {"detail": "Too many requests are being served at the moment.", "retry_after": 1}

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
