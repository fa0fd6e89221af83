"""Shapes of the office on the wire, for both doors."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

Role = Annotated[str, Meta(description="The caller's role at that time.", examples=["staff"])]
DoorName = Annotated[str, Meta(description="Where the call came in: `rest`, `graphql`, `cli` or `worker`.", examples=["rest"])]
Called = Annotated[str, Meta(description="The operation that was called; changes that followed from it name it too.", examples=["product_update"])]
Type = Annotated[str, Meta(description="What happened: the type of the event that was announced with it.", examples=["product.updated"])]
Details = Annotated[
    dict[str, Any],
    Meta(description="What the event says: the names of the changed members, never their values, and ids of rows.", examples=[{"changed": ["name", "price"]}]),
]


class AuditEntry(Struct):
    """One change and who made it. It is written in the transaction of the change and never changes itself."""

    id: UUID
    created_at: datetime
    caller_id: Annotated[UUID | None, Meta(description="The user or API key; null is the shell of the shop's own machine.")]
    role: Role
    door: DoorName
    operation: Called
    type: Type
    subject: Annotated[UUID, Meta(description="The id of what was changed; its last two digits tell its kind.")]
    data: Details
    request_id: Annotated[str, Meta(description="The `X-Request-ID` of the call.", examples=["7f9c2b1e-checkout"])]
