"""What is answered."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from .members import (
    City,
    Country,
    Email,
    FullName,
    KeyName,
    Lines,
    Phone,
    Points,
    Postcode,
    Recipient,
    Scopes,
    Username,
)


class UserStatus(StrEnum):
    """Whether an account can be used. A closed one is empty and stays so."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Role(StrEnum):
    """What somebody is to the shop: a fixed set of permissions."""

    CUSTOMER = "customer"
    MODERATOR = "moderator"
    STAFF = "staff"
    ADMIN = "admin"


class User(Struct):
    """Somebody with an account."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    email: Email
    username: Username | None
    full_name: FullName
    status: UserStatus
    role: Role
    email_verified_at: Annotated[
        datetime | None, Meta(description="When its owner proved to read that address; null until then.")
    ]


class Address(Struct):
    """An address in a user's book."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    name: Recipient
    lines: Lines
    city: City
    postcode: Postcode
    country: Country
    phone: Phone | None


class ApiKey(Struct):
    """A key that a program calls with, in the name of its owner."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    name: KeyName
    prefix: Annotated[
        str,
        Meta(
            description="The part of the key that is no secret: how it is told from others.",
            examples=["4fZ8sQ1kXw9LmN2b"],
        ),
    ]
    scopes: Annotated[
        Scopes | None, Meta(description="The permissions that it is narrowed to; null: all that its owner has.")
    ]
    points_per_minute: Points | None
    expires_at: Annotated[
        datetime | None, Meta(description="From when on it lets nobody in; null: it does not expire.")
    ]
    last_used_at: Annotated[datetime | None, Meta(description="When it was used last, to the minute or so.")]
    secret: Annotated[
        str | None,
        Meta(
            description="The key itself. It is in the answer of its creation and never again.",
            examples=["tp_4fZ8sQ1kXw9LmN2b_b7Rk..."],
        ),
    ]


class TokenPair(Struct):
    """What a login gives: a token to call with, and one to get the next pair with."""

    access_token: Annotated[
        str,
        Meta(
            description="Send it as `Authorization: Bearer`.", examples=["eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9..."]
        ),
    ]
    token_type: Annotated[str, Meta(description="Always `Bearer`.", examples=["Bearer"])]
    expires_in: Annotated[int, Meta(description="Seconds for which the access token is good.", examples=[900])]
    refresh_token: Annotated[
        str,
        Meta(
            description="Good once, for the next pair. Used a second time it ends the session.", examples=["rt_9xKq..."]
        ),
    ]


class TokenResponse(Struct):
    """What the token endpoint gives (RFC 6749, 5.1)."""

    access_token: Annotated[
        str,
        Meta(
            description="Send it as `Authorization: Bearer`.", examples=["eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9..."]
        ),
    ]
    token_type: Annotated[str, Meta(description="Always `Bearer`.", examples=["Bearer"])]
    expires_in: Annotated[int, Meta(description="Seconds for which the access token is good.", examples=[900])]
    refresh_token: Annotated[
        str | None,
        Meta(
            description="Good once, for the next token. A client that came with an API key gets none.",
            examples=["rt_9xKq..."],
        ),
    ]
    scope: Annotated[
        str,
        Meta(
            description="The permissions that the token has, separated by spaces.",
            examples=["account:read account:write"],
        ),
    ]


class ReceiptStatus(StrEnum):
    """What became of it."""

    ACCEPTED = "accepted"
    DONE = "done"


class Acknowledgement(Struct):
    """That something was heard. `accepted` tells nothing of whether there is such an account: a letter tells that to its owner."""

    status: ReceiptStatus
