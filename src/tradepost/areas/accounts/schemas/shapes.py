"""Shapes of the responses."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from .members import (
    AddressRegion,
    City,
    Company,
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
    """The status of an account. A closed account cannot be reopened."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Role(StrEnum):
    """A role: a fixed set of permissions.

    Users have one of the last four. `anonymous` is a caller without a credential, in the audit log.
    """

    ANONYMOUS = "anonymous"
    CUSTOMER = "customer"
    MODERATOR = "moderator"
    STAFF = "staff"
    ADMIN = "admin"


class User(Struct):
    """A user's account."""

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
        datetime | None, Meta(description="When the e-mail address was verified. `null` if it is not.")
    ]


class Address(Struct):
    """An address in a user's address book."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    name: Recipient
    company: Company
    lines: Lines
    city: City
    postcode: Postcode
    region: AddressRegion | None
    country: Country
    phone: Phone | None


class ApiKey(Struct):
    """A key with which a program calls the API on behalf of its owner."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    name: KeyName
    prefix: Annotated[
        str,
        Meta(
            description="The public part of the key, which identifies it.",
            examples=["4fZ8sQ1kXw9LmN2b"],
        ),
    ]
    scopes: Annotated[
        Scopes | None,
        Meta(description="The permissions that the key is limited to. `null` if it has all those of its owner."),
    ]
    points_per_minute: Points | None
    expires_at: Annotated[
        datetime | None, Meta(description="When the key stops working. `null` if it does not expire.")
    ]
    last_used_at: Annotated[
        datetime | None, Meta(description="When the key was last used, accurate to about a minute.")
    ]
    secret: Annotated[
        str | None,
        Meta(
            description="The key itself. It is only shown in the response that creates it.",
            examples=["tp_4fZ8sQ1kXw9LmN2b_b7Rk..."],
        ),
    ]


class TokenPair(Struct):
    """An access token, and the refresh token to get the next pair."""

    access_token: Annotated[
        str,
        Meta(
            description="Send it as `Authorization: Bearer`.", examples=["eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9..."]
        ),
    ]
    token_type: Annotated[str, Meta(description="Always `Bearer`.", examples=["Bearer"])]
    expires_in: Annotated[int, Meta(description="The lifetime of the access token, in seconds.", examples=[900])]
    refresh_token: Annotated[
        str,
        Meta(
            description="Exchange it for the next pair. It can be used once: sent again within 10 seconds, it gets the "
            "same next refresh token; later, the session ends.",
            examples=["rt_9xKq..."],
        ),
    ]


class TokenResponse(Struct):
    """The response of the token endpoint (RFC 6749, 5.1)."""

    access_token: Annotated[
        str,
        Meta(
            description="Send it as `Authorization: Bearer`.", examples=["eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9..."]
        ),
    ]
    token_type: Annotated[str, Meta(description="Always `Bearer`.", examples=["Bearer"])]
    expires_in: Annotated[int, Meta(description="The lifetime of the access token, in seconds.", examples=[900])]
    refresh_token: Annotated[
        str | None,
        Meta(
            description="Exchange it for the next token. It can be used once. Not issued with `client_credentials`.",
            examples=["rt_9xKq..."],
        ),
    ]
    scope: Annotated[
        str,
        Meta(
            description="The permissions of the token, separated by spaces.",
            examples=["account:read account:write"],
        ),
    ]


class AcknowledgementStatus(StrEnum):
    """Outcome of the request."""

    ACCEPTED = "accepted"
    DONE = "done"


class Acknowledgement(Struct):
    """Confirms that the request was accepted.

    `accepted` does not reveal whether there is such an account. Its owner is informed by e-mail.
    """

    status: AcknowledgementStatus
