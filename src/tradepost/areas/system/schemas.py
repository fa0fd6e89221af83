"""Shapes of the office on the wire, for both doors."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

Role = Annotated[str, Meta(description="The caller's role at that time.", examples=["staff"])]
DoorName = Annotated[
    str, Meta(description="Where the call came in: `rest`, `graphql`, `cli` or `worker`.", examples=["rest"])
]
Called = Annotated[
    str,
    Meta(
        description="The operation that was called; changes that followed from it name it too.",
        examples=["product_update"],
    ),
]
Type = Annotated[
    str,
    Meta(description="What happened: the type of the event that was announced with it.", examples=["product.updated"]),
]
Details = Annotated[
    dict[str, Any],
    Meta(
        description="What the event says: the names of the changed members, never their values, and ids of rows.",
        examples=[{"changed": ["name", "price"]}],
    ),
]


class AuditEntry(Struct):
    """One change and who made it. It is written in the transaction of the change and never changes itself."""

    id: UUID
    created_at: datetime
    caller_id: Annotated[
        UUID | None, Meta(description="The user or API key; null is the shell of the shop's own machine.")
    ]
    role: Role
    door: DoorName
    operation: Called
    type: Type
    subject: Annotated[UUID, Meta(description="The id of what was changed; its last two digits tell its kind.")]
    data: Details
    request_id: Annotated[str, Meta(description="The `X-Request-ID` of the call.", examples=["7f9c2b1e-checkout"])]


# A bucket holds a minute's points (`BUDGET_...`), at most a billion.
POINTS = 1_000_000_000
Limit = Annotated[
    int,
    Meta(
        ge=1,
        le=POINTS,
        description="The points that your bucket holds, which is also what a minute brings.",
        examples=[600],
    ),
]
Used = Annotated[int, Meta(ge=0, le=POINTS, description="The points of `limit` that are not there now.", examples=[27])]
Remaining = Annotated[
    int, Meta(ge=0, le=POINTS, description="The whole points that are left now, after this request.", examples=[573])
]
ResetAt = Annotated[
    datetime,
    Meta(description="When the bucket is full again if nothing more is asked; it fills all the time, not at once."),
]
Most = Annotated[
    int,
    Meta(
        ge=1,
        le=1000,
        description="The most that one request may cost: 1000, or `limit` where that is less.",
        examples=[600],
    ),
]


class RateLimit(Struct):
    """How your budget stands, as the headers of every answer tell it. Both doors drain it; it fills evenly, `limit` points in `window_seconds`."""

    limit: Limit
    used: Used
    remaining: Remaining
    reset_at: ResetAt
    window_seconds: Annotated[
        int, Meta(ge=1, le=3600, description="In how many seconds an empty bucket is full.", examples=[60])
    ]
    request_limit: Most


class HttpMethod(StrEnum):
    """The method of a REST request. HEAD costs what GET does."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


QUERY = "query Shelf($first: Int!) { products(first: $first) { nodes { name variants(first: 20) { sku } } } }"
ADDRESS = "/v1/products?limit=100&fields=name,variants(first:20){sku}"
Document = Annotated[str, Meta(min_length=1, max_length=100_000, description="A GraphQL document.", examples=[QUERY])]
Variables = Annotated[
    dict[str, Any],
    Meta(description="The variables of the document; sizes in them decide its price.", examples=[{"first": 100}]),
]
OperationName = Annotated[
    str, Meta(max_length=1000, description="Which operation of the document, where it has several.", examples=["Shelf"])
]
Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40_000,
        pattern="^/",
        description="The path of a REST request with its query.",
        examples=[ADDRESS],
    ),
]
Method = Annotated[HttpMethod, Meta(description="The method for `url`; GET where it is left out.", examples=["GET"])]
BatchBody = Annotated[
    dict[str, Any],
    Meta(
        description="The body for `url`, where that is a batch: it costs by its `items`. Other requests cost the same whatever their body."
    ),
]


class PriceInput(Struct, forbid_unknown_fields=True):
    """The request to be priced: a GraphQL `document`, with its variables, or the `url` of a REST request. Exactly one of the two."""

    EXAMPLES: ClassVar = [{"url": ADDRESS}, {"document": QUERY, "variables": {"first": 100}}]

    document: Document | UnsetType = UNSET
    variables: Variables | UnsetType = UNSET
    operation_name: OperationName | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    method: Method | UnsetType = UNSET
    body: BatchBody | UnsetType = UNSET


class QuotedOperation(Struct):
    """One operation of the request: a root field of the document, or the one that the URL names."""

    operation: Annotated[
        str,
        Meta(
            description="Its name, or that of the root field where no operation is behind it (`nodes`).",
            examples=["product_list"],
        ),
    ]
    points: Annotated[int, Meta(ge=0, description="The points that it takes before it runs.", examples=[211])]
    rows: Annotated[
        int, Meta(ge=0, description="The most rows that it can answer with, at all levels.", examples=[2100])
    ]


class PriceQuote(Struct):
    """What a request would cost. It is never charged more, and less where fewer rows come; only what is compiled for the first time adds 10, once."""

    points: Annotated[int, Meta(ge=0, description="The points that the request drains before it runs.", examples=[211])]
    limit: Most
    allowed: Annotated[
        bool,
        Meta(description="Whether it costs no more than `limit`; else it is 400 `too_expensive`.", examples=[True]),
    ]
    affordable: Annotated[
        bool,
        Meta(
            description="Whether it is allowed and your budget holds it now; else it is 429 `quota_exceeded`.",
            examples=[True],
        ),
    ]
    operations: Annotated[
        list[QuotedOperation], Meta(description="What the points are for, in the order of the document.")
    ]
