"""Problems: faults that a caller can mend, raised as values of the shop and rendered by each door (RFC 9457).

    Problem
    |- 400  MalformedBody, InvalidParameter, TooDeep, TooManyAliases, TooExpensive
    |- 401  Unauthenticated                 403  Forbidden
    |- 404  NotFound                        405  MethodNotAllowed      406  NotAcceptable
    |- 409  AlreadyExists, Conflict, InvalidTransition, PatchTestFailed, IdempotencyInProgress
    |- 412  PreconditionFailed              413  ContentTooLarge       415  UnsupportedMediaType
    |- 422  Validation, PatchTargetMissing, IdempotencyKeyReused
    |- 428  PreconditionRequired            429  QuotaExceeded
    '- 500  Internal                        503  Unavailable

A code is stable for ever; `title` and `cure` are said once per class, `detail`, `errors` and `members` are about one occurrence.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

MAX_FAULTS = 100


class Fault(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One thing that is wrong: where (a JSON pointer into the body, or a parameter's name), a stable code, and what to do."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(Exception):
    """A fault with a stable code, a status, a title and a cure."""

    code: ClassVar[str] = "problem"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request cannot be served"
    cure: ClassVar[str] = "Read `detail`; it says what was given and what is allowed."
    is_transient: bool = False  # whether the very same request may well succeed in a moment
    retry_after: int | None = None  # in how many seconds it may
    example: ClassVar[
        dict[str, Any]
    ] = {}  # members of one occurrence, for the page and the OpenAPI document that explain this kind

    def __init__(self, detail: str = "", *, errors: list[Fault] | None = None, **members: Any) -> None:
        self.detail = detail or self.title
        self.errors, self.members = (errors or [])[:MAX_FAULTS], members
        super().__init__(self.detail)

    def headers(self) -> dict[str, str]:
        """HTTP headers that belong to the answer. When to come back is RFC 9110, 10.2.3, and of a 429 RFC 6585, 4."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    def hide_schema(self) -> None:
        """Leaves out what only callers that may introspect are told."""

    def to_dict(self) -> dict[str, Any]:
        """The members that both doors show; `instance` and `request_id` are the door's to add."""
        said: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            said["errors"] = [msgspec.to_builtins(e) for e in self.errors]
        if self.retry_after is not None:
            said["retry_after"] = self.retry_after
        return said | self.members


def all_problems(of: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """Every kind of problem that is loaded, parents before children."""
    for kind in of.__subclasses__():
        yield kind
        yield from all_problems(kind)


class MalformedBody(Problem):
    """The body cannot be read in the media type that it claims."""

    code, status, title = "malformed", 400, "The body cannot be read"
    cure = "Send well-formed JSON or MessagePack and name its type in `Content-Type`."
    example = {"detail": "The body is not well-formed JSON: JSON is malformed: expected ',' or '}' (byte 18)."}


class InvalidParameter(Problem):
    """A query parameter, header or GraphQL argument that cannot be used; the detail names what is allowed."""

    code, status, title = "invalid_parameter", 400, "A parameter is not valid"
    cure = "Correct the parameter that `errors[].parameter` names; the detail lists what is allowed."
    example = {
        "detail": "`limit` is 500; allowed are 1 to 100.",
        "errors": [{"parameter": "limit", "code": "out_of_range", "detail": "`limit` is 500; allowed are 1 to 100."}],
    }

    def __init__(
        self,
        detail: str = "",
        *,
        parameter: str | None = None,
        allowed: Sequence[str] = (),
        errors: list[Fault] | None = None,
    ) -> None:
        self.short_detail, self.parameter = detail, parameter
        said = f"{detail} Allowed: {', '.join(allowed)}." if allowed else detail
        super().__init__(said, errors=errors or self._fault(said))

    def _fault(self, said: str) -> list[Fault]:
        return [Fault(code="invalid", detail=said, parameter=self.parameter)] if self.parameter else []

    def hide_schema(self) -> None:
        """Leaves out the allowed names, for callers that may not introspect."""
        if self.short_detail != self.detail:
            self.detail, self.errors = self.short_detail, self._fault(self.short_detail)

    def rename_parameter(self, parameter: str, names: Mapping[str, str]) -> "InvalidParameter":
        """The same of a parameter that this door calls otherwise; `names` are the spellings in the text."""
        said, brief = self.detail, self.short_detail
        for old, new in names.items():
            said, brief = said.replace(f"`{old}`", f"`{new}`"), brief.replace(f"`{old}`", f"`{new}`")
        self.detail, self.short_detail, self.parameter = said, brief, parameter
        self.errors = self._fault(said)
        return self


class TooDeep(InvalidParameter):
    """A selection follows more relations into one another than the shop allows."""

    code, title = "too_deep", "The selection is too deep"
    cure = "Follow fewer relations in one request; read the rest by the links or ids that come back."
    example = {"detail": "Relations can be followed 10 deep; this selection goes deeper."}


class TooManyAliases(InvalidParameter):
    """A `fields` text or a GraphQL document gives more other names than the shop allows."""

    code, title = "too_many_aliases", "There are too many aliases"
    cure = "Ask for less in one request, or for the same things under their own names."
    example = {"detail": "At most 50 aliases are allowed; there are more."}


class TooExpensive(Problem):
    """One request would cost more points than any request may, or than the caller's bucket can ever hold."""

    code, title = "too_expensive", "The request is too expensive"
    cure = "Ask for fewer rows (`limit`, `first`) or fewer relations in one another; `points` is the price and `limit` the most that is allowed."
    example = {
        "detail": "The request costs up to 1101 points; at most 1000 are allowed.",
        "points": 1101,
        "limit": 1000,
    }


class Unauthenticated(Problem):
    """The operation needs a known caller, or the credential that came is not good."""

    code, status, title = "unauthenticated", 401, "Credentials are needed"
    cure = (
        "Send an API key in `X-API-Key` or as `Authorization: Bearer`, and check that it is complete and not revoked."
    )
    example = {"detail": "The permission `catalog:write` is needed."}

    def headers(self) -> dict[str, str]:
        """RFC 9110, 11.6.1: a 401 names the scheme."""
        return {"WWW-Authenticate": 'Bearer realm="tradepost"'}


class Forbidden(Problem):
    """The caller is known but lacks the permission that the detail names."""

    code, status, title = "forbidden", 403, "You may not do this"
    cure = "Use a credential that holds the permission named in the detail."
    example = {"detail": "The permission `catalog:write` is needed."}


class NotFound(Problem):
    """There is no such thing, or none that this caller may see."""

    code, status, title = "not_found", 404, "Not found"
    cure = "Check the id or the path; what you may not see is answered like what does not exist."
    example = {"detail": "There is no product `oak-chair`."}


class MethodNotAllowed(Problem):
    """The path exists, but not for this method."""

    code, status, title = "method_not_allowed", 405, "The method is not allowed here"
    cure = "Use one of the methods in `Allow`."
    example = {"detail": "Allowed here: GET, HEAD, OPTIONS, POST."}

    def __init__(self, allow: str) -> None:
        super().__init__(f"Allowed here: {allow}.")
        self.allow = allow

    def headers(self) -> dict[str, str]:
        """RFC 9110, 15.5.6."""
        return {"Allow": self.allow}


class NotAcceptable(Problem):
    """None of the media types in `Accept` can be produced here."""

    code, status, title = "not_acceptable", 406, "No acceptable media type"
    cure = "Name one of the media types in the detail in `Accept`, or leave the header out."
    example = {"detail": "Available here: application/json, application/msgpack."}


class AlreadyExists(Problem):
    """Another row has the unique value that `field` names."""

    code, status, title = "already_exists", 409, "It already exists"
    cure = "Choose another value for the member named in `field`, or change the thing that has it."
    example = {"detail": "Another row has this `slug`.", "field": "slug"}


class Conflict(Problem):
    """The change does not fit the present state, or other writes kept coming first."""

    code, status, title = "conflict", 409, "The change conflicts with the present state"
    cure = "Read the thing again and repeat the change on what you find."
    example = {"detail": "Other writes kept coming first; try again."}

    @classmethod
    def lost_race(cls, detail: str) -> "Conflict":
        """Other writes came first."""
        made = cls(detail)
        made.is_transient = True
        return made


class InvalidTransition(Problem):
    """The operation is not open on this row in its present state."""

    code, status, title = "invalid_transition", 409, "Not in this state"
    cure = "Look at `links` (GraphQL: `availableActions`) for what is open now."


class PatchTestFailed(Problem):
    """A `test` operation of a JSON Patch found another value (RFC 6902, 4.6)."""

    code, status, title = "patch_test_failed", 409, "A test in the patch failed"
    cure = "Read the thing again and make the patch anew."
    example = {
        "detail": "`/version` has another value.",
        "errors": [{"pointer": "/0", "code": "test_failed", "detail": "Another value stands there."}],
    }


class IdempotencyInProgress(Problem):
    """A request with this idempotency key is still running, or broke off less than a minute ago."""

    code, status, title = "idempotency_in_progress", 409, "A request with this key is still running"
    cure = "Send the same request with the same key again after the seconds in `retry_after`; it is answered with the outcome once there is one."
    example = {"detail": "A request with this key is still running.", "retry_after": 1}
    passing = True
    retry_after = 1


class PreconditionFailed(Problem):
    """The row is at another version than the caller expected."""

    code, status, title = "precondition_failed", 412, "The version is another one"
    cure = "Read the thing again and send its present version in `If-Match` (GraphQL: `expectedVersion`)."
    example = {"detail": "The version is 3; another one was expected.", "version": 3}


class ContentTooLarge(Problem):
    """The body is over its limit."""

    code, status, title = "content_too_large", 413, "The body is too large"
    cure = "Send less at once; the detail names the limit."
    example = {"detail": "The body may have at most 1048576 bytes.", "limit": 1048576}


class UnsupportedMediaType(Problem):
    """The body's media type or coding cannot be read here."""

    code, status, title = "unsupported_media_type", 415, "The body's type is not supported"
    cure = "Send one of the media types in the detail, without a `Content-Encoding`."
    example = {"detail": "The body came with `text/plain`; read here: application/json, application/msgpack, in UTF-8."}

    def __init__(self, detail: str = "", *, accept: str = "", accept_patch: str = "") -> None:
        super().__init__(detail)
        self.accept, self.accept_patch = accept, accept_patch

    def headers(self) -> dict[str, str]:
        """RFC 9110, 12.5.1 (`Accept` in a 415) and RFC 5789, 2.2 (`Accept-Patch`)."""
        return ({"Accept": self.accept} if self.accept else {}) | (
            {"Accept-Patch": self.accept_patch} if self.accept_patch else {}
        )


class Validation(Problem):
    """A body or `input` that breaks its schema or a rule of the shop; `errors` lists all faults by JSON pointer."""

    code, status, title = "validation", 422, "The input is not valid"
    cure = "Correct every member that `errors[].pointer` names and send the request again."
    example = {
        "detail": "2 members are not valid.",
        "errors": [
            {"pointer": "/name", "code": "required", "detail": "`name` is missing."},
            {
                "pointer": "/variants/0/price/amount",
                "code": "out_of_range",
                "detail": "`amount` is -1; allowed is 0 or more.",
            },
        ],
    }

    @classmethod
    def at_pointer(cls, pointer: str, detail: str, code: str = "invalid") -> "Validation":
        """One fault at one place."""
        return cls(detail, errors=[Fault(code=code, detail=detail, pointer=pointer)])


class PatchTargetMissing(Problem):
    """A JSON Patch points at something that is not there (RFC 6902, 4)."""

    code, status, title = "patch_target_missing", 422, "The patch points at nothing"
    cure = "Check the pointers of the patch against the item's default representation."
    example = {
        "detail": "`/size` leads nowhere.",
        "errors": [{"pointer": "/0", "code": "missing", "detail": "Nothing stands there."}],
    }


class IdempotencyKeyReused(Problem):
    """The idempotency key was used for another input of this operation within the last 24 hours."""

    code, status, title = "idempotency_key_reused", 422, "The key was used for another input"
    cure = "Make a new key for every new change, and send a key again only with the very same input."
    example = {"detail": "The key `8e03978e` was used for another input of `product_create`."}


class PreconditionRequired(Problem):
    """The shop asks for `If-Match` on changes (setting REQUIRE_IF_MATCH; RFC 6585, 3)."""

    code, status, title = "precondition_required", 428, "A precondition is required"
    cure = "Send the ETag of what you read in `If-Match` (GraphQL: `expectedVersion`)."
    example = {"detail": "Send the ETag of what you read in `If-Match`."}


class QuotaExceeded(Problem):
    """The caller's bucket of points does not hold what the request costs, or there were too many attempts at credentials. Buckets fill all the time."""

    code, status, title = "quota_exceeded", 429, "The budget is used up"
    cure = "Wait for the seconds in `retry_after`; `RateLimit` tells in every answer what is left, `X-Request-Cost` what the request has cost."
    example = {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "detail": "The request costs more points than are left of 600 a minute.",
        "retry_after": 12,
        "violated-policies": ["points"],
    }

    def __init__(
        self, retry_after: int = 1, points: int = 600, policies: Sequence[str] = ("points",), *, detail: str = ""
    ) -> None:
        """`points`: what a minute brings. `policies` name the buckets that are short, with a `detail` of their own where they do not hold points."""
        super().__init__(detail or f"The request costs more points than are left of {points} a minute.")
        self.members["violated-policies"] = list(policies)
        self.retry_after = max(retry_after, 1)

    def to_dict(self) -> dict[str, Any]:
        """Its type is the one that IANA keeps for it (draft-ietf-httpapi-ratelimit-headers)."""
        return super().to_dict() | {"type": self.example["type"]}


class Internal(Problem):
    """A fault of ours. Nothing of its inside is shown; the log has it under the request id."""

    code, status, title = "internal", 500, "Something went wrong on our side"
    cure = "Try again; if it stays, report the `request_id`."


class Unavailable(Problem):
    """The service cannot answer in time now."""

    code, status, title = "unavailable", 503, "Not available now"
    cure = "Try again after the seconds in `retry_after`."
    example = {"detail": "Too many requests are being served at this moment.", "retry_after": 1}

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
