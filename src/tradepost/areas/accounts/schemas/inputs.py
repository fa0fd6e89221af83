"""What is sent."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from .members import (
    City,
    Country,
    Email,
    FullName,
    KeyName,
    Lines,
    Password,
    Phone,
    Points,
    Postcode,
    Recipient,
    Scopes,
    Secret,
    Username,
)
from .shapes import Role


class RegisterInput(Struct, forbid_unknown_fields=True):
    """A new account. The answer is the same whether or not the address has one already; its owner gets a letter."""

    email: Email
    password: Password
    username: Username | None = None
    full_name: FullName = ""


class LoginInput(Struct, forbid_unknown_fields=True):
    """Who somebody is, and the proof."""

    email: Annotated[
        str, Meta(max_length=254, description="The e-mail address of the account.", examples=["kim@shop.example"])
    ]
    password: Password


class RefreshInput(Struct, forbid_unknown_fields=True):
    """The refresh token of the last pair."""

    refresh_token: Annotated[Secret, Meta(examples=["rt_9xKq..."])]


class GrantInput(Struct):
    """What a client asks the token endpoint for (RFC 6749). Parameters that are not known here are passed over (3.2)."""

    grant_type: Annotated[
        str,
        Meta(max_length=100, description="`password`, `refresh_token` or `client_credentials`.", examples=["password"]),
    ]
    username: (
        Annotated[
            str,
            Meta(
                max_length=254,
                description="With `password`: the e-mail address of the account.",
                examples=["kim@shop.example"],
            ),
        ]
        | None
    ) = None
    password: (
        Annotated[
            str,
            Meta(
                max_length=2048,
                description="With `password`: it.",
                examples=["seven grey herons asleep"],
                extra_json_schema={"format": "password"},
            ),
        ]
        | None
    ) = None
    refresh_token: (
        Annotated[Secret, Meta(description="With `refresh_token`: that of the last answer; it is good once.")] | None
    ) = None
    client_id: (
        Annotated[
            str,
            Meta(
                max_length=100,
                description="The `prefix` of an API key, or its id. Only `client_credentials` needs it; HTTP Basic can say it as well.",
            ),
        ]
        | None
    ) = None
    client_secret: (
        Annotated[
            Secret,
            Meta(
                description="The API key, whole or without `tp_` and the prefix.",
                extra_json_schema={"format": "password"},
            ),
        ]
        | None
    ) = None
    scope: Annotated[
        str,
        Meta(
            max_length=2000, description="Permissions to narrow the token to, separated by spaces, all of which have to be held; left out: all of them.",
            examples=["account:read account:write"],
        ),
    ] | None = None  # fmt: skip


class PasswordChangeInput(Struct, forbid_unknown_fields=True):
    """The password as it is, and as it is to be."""

    current_password: Annotated[Password, Meta(examples=["seven grey herons asleep"])]
    new_password: Annotated[Password, Meta(examples=["four green boats at noon"])]


class PasswordResetInput(Struct, forbid_unknown_fields=True):
    """Whose password is forgotten."""

    email: Annotated[
        str, Meta(max_length=254, description="The e-mail address of the account.", examples=["kim@shop.example"])
    ]


class PasswordResetConfirmInput(Struct, forbid_unknown_fields=True):
    """The token of the letter, and the new password."""

    token: Annotated[
        Secret, Meta(description="It stands in the letter; good once, for an hour.", examples=["mt_7hQz..."])
    ]
    new_password: Annotated[Password, Meta(examples=["four green boats at noon"])]


class EmailVerifyInput(Struct, forbid_unknown_fields=True):
    """The token of the letter."""

    token: Annotated[
        Secret, Meta(description="It stands in the letter; good once, for a day.", examples=["mt_7hQz..."])
    ]


class EmailChangeInput(Struct, forbid_unknown_fields=True):
    """A new address, which counts once its owner has proved to read it."""

    email: Email
    password: Annotated[Password, Meta(description="The password of the account.")]


class ProfileInput(Struct, forbid_unknown_fields=True):
    """What users say of themselves."""

    username: Username | None = None
    full_name: FullName = ""


class AccountCloseInput(Struct, forbid_unknown_fields=True):
    """The password, so that an open screen is not enough to close an account."""

    password: Password


class RoleInput(Struct, forbid_unknown_fields=True):
    """A role to be given."""

    role: Role


class AddressInput(Struct, forbid_unknown_fields=True):
    """An address as it is to be."""

    name: Recipient
    lines: Lines
    city: City
    country: Country
    postcode: Postcode = ""
    phone: Phone | None = None


class ApiKeyInput(Struct, forbid_unknown_fields=True):
    """A key to be made."""

    name: KeyName
    scopes: Annotated[
        Scopes | None,
        Meta(description="Permissions that it is narrowed to, all of which you must hold; null: all of yours."),
    ] = None
    points_per_minute: Points | None = None
    expires_at: Annotated[
        datetime | None,
        Meta(description="From when on it lets nobody in; with its offset.", examples=["2027-06-30T12:00:00.000001Z"]),
    ] = None
