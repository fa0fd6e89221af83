"""Wire shapes of the system area, for both APIs."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from tradepost.areas.accounts.schemas import Role
from tradepost.kit.schema.fault_texts import described_pattern

CallerRole = Annotated[Role, Meta(description="The role of the caller at that time.", examples=["staff"])]
DoorName = Annotated[
    str,
    Meta(
        description="Where the call came from: `rest`, `graphql`, `pages`, `cli` or `worker`.",
        examples=["rest"],
    ),
]
Operation = Annotated[
    str,
    Meta(
        description="The operation that was called. Changes that it caused have the same value.",
        examples=["product_update"],
    ),
]
Type = Annotated[
    str,
    Meta(description="The type of the event.", examples=["product.updated"]),
]
Details = Annotated[
    dict[str, Any],
    Meta(
        description="The data of the event: the names of the changed members (never their values) and ids.",
        examples=[{"changed": ["name", "price"]}],
    ),
]


class AuditEntry(Struct):
    """A change, and who made it.

    An entry is written in the transaction of the change and is never modified.
    """

    id: UUID
    created_at: datetime
    caller_id: Annotated[
        UUID | None, Meta(description="The user or API key. `null` for the command line and the worker.")
    ]
    role: CallerRole
    door: DoorName
    operation: Operation
    type: Type
    subject: Annotated[
        UUID, Meta(description="The id of the object that was changed. Its last two digits identify the type.")
    ]
    data: Details
    request_id: Annotated[str, Meta(description="The `X-Request-ID` of the request.", examples=["7f9c2b1e-checkout"])]


# The settings `BUDGET_...` allow at most a billion points per minute.
POINTS = 1_000_000_000
Limit = Annotated[
    int,
    Meta(
        ge=1,
        le=POINTS,
        description="The size of your bucket, which is also the number of points you get per minute.",
        examples=[600],
    ),
]
Used = Annotated[int, Meta(ge=0, le=POINTS, description="The points of `limit` that are used up now.", examples=[27])]
Remaining = Annotated[
    int, Meta(ge=0, le=POINTS, description="The whole points that are left after this request.", examples=[573])
]
ResetAt = Annotated[
    datetime,
    Meta(description="When the bucket is full again if you send no more requests. It fills continuously."),
]
RequestLimit = Annotated[
    int,
    Meta(
        ge=1,
        le=1000,
        description="The highest price of a single request: 1000, or `limit` if that is less.",
        examples=[600],
    ),
]


class RateLimit(Struct):
    """The state of your rate limit, as in the headers of every response.

    Both APIs take points from the same bucket. It fills evenly, by `limit` points in
    `window_seconds`.
    """

    limit: Limit
    used: Used
    remaining: Remaining
    reset_at: ResetAt
    window_seconds: Annotated[
        int, Meta(ge=1, le=3600, description="The seconds in which an empty bucket fills up.", examples=[60])
    ]
    request_limit: RequestLimit


class HttpMethod(StrEnum):
    """The method of a REST request. HEAD costs the same as GET."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


EXAMPLE_QUERY = (
    "query ProductList($first: Int!) { products(first: $first) { nodes { name variants(first: 20) { sku } } } }"
)
EXAMPLE_URL = "/v1/products?limit=100&fields=name,variants(first:20){sku}"
Document = Annotated[
    str, Meta(min_length=1, max_length=100_000, description="A GraphQL document.", examples=[EXAMPLE_QUERY])
]
Variables = Annotated[
    dict[str, Any],
    Meta(description="The variables of the document. Page sizes in them affect the price.", examples=[{"first": 100}]),
]
OperationName = Annotated[
    str,
    Meta(
        max_length=1000,
        description="The operation of the document to price, if it has several.",
        examples=["ProductList"],
    ),
]
Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40_000,
        pattern=described_pattern("^/", "a path that starts with `/`"),
        description="The path and query string of a REST request.",
        examples=[EXAMPLE_URL],
    ),
]
Method = Annotated[HttpMethod, Meta(description="The method of the REST request. Default: GET.", examples=["GET"])]
BatchBody = Annotated[
    dict[str, Any],
    Meta(
        description="The body, if `url` is a batch, which is priced by its `items`. The price of other requests does "
        "not depend on the body."
    ),
]


class PriceInput(Struct, forbid_unknown_fields=True):
    """Input for a price quote: either a GraphQL `document` or the `url` of a REST request."""

    EXAMPLES: ClassVar = [{"url": EXAMPLE_URL}, {"document": EXAMPLE_QUERY, "variables": {"first": 100}}]

    OTHER_NAMES: ClassVar = {"query": "document", "operationName": "operation_name", "path": "url"}

    document: Document | UnsetType = UNSET
    variables: Variables | UnsetType = UNSET
    operation_name: OperationName | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    method: Method | UnsetType = UNSET
    body: BatchBody | UnsetType = UNSET


class QuotedOperation(Struct):
    """One operation of the request: a root field of the document, or the operation of the URL."""

    operation: Annotated[
        str,
        Meta(
            description="The name of the operation, or of the root field if it has no operation (`nodes`).",
            examples=["product_list"],
        ),
    ]
    points: Annotated[int, Meta(ge=0, description="The points that are charged before it runs.", examples=[211])]
    rows: Annotated[
        int, Meta(ge=0, description="The largest number of rows that it can return, at all levels.", examples=[2100])
    ]


class PriceQuote(Struct):
    """The price of a request.

    The request is never charged more than this, and less if it returns fewer rows. Only a text
    that is compiled for the first time costs 10 points more, once.
    """

    points: Annotated[
        int, Meta(ge=0, description="The points that the request is charged before it runs.", examples=[211])
    ]
    limit: RequestLimit
    allowed: Annotated[
        bool,
        Meta(
            description="Whether the price is within `limit`. If not, the request fails with 400 `too_expensive`.",
            examples=[True],
        ),
    ]
    affordable: Annotated[
        bool,
        Meta(
            description="Whether it is allowed and you have enough points now. If not, it fails with 429 "
            "`quota_exceeded`.",
            examples=[True],
        ),
    ]
    operations: Annotated[
        list[QuotedOperation], Meta(description="The operations that the points are for, in the order of the document.")
    ]
