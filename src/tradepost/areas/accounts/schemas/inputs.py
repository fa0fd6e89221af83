"""Inputs of the operations."""

from datetime import datetime
from typing import Annotated

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
    """Input for a new account. Fields that are omitted or null get their defaults."""

    email: Email
    password: Password
    username: Username | None = None
    full_name: FullName = ""


class LoginInput(Struct, forbid_unknown_fields=True):
    """Input for a log-in: the e-mail address and the password."""

    email: Annotated[
        str, Meta(max_length=254, description="The e-mail address of the account.", examples=["kim@shop.example"])
    ]
    password: Password


class RefreshInput(Struct, forbid_unknown_fields=True):
    """Input for the next pair of tokens: the refresh token of the current pair."""

    refresh_token: Annotated[Secret, Meta(examples=["rt_9xKq..."])]


class GrantInput(Struct):
    """Input for the token endpoint (RFC 6749). Unknown parameters are ignored (3.2)."""

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
                description="With `password`: the password of the account.",
                examples=["seven grey herons asleep"],
                extra_json_schema={"format": "password"},
            ),
        ]
        | None
    ) = None
    refresh_token: (
        Annotated[
            Secret,
            Meta(description="With `refresh_token`: the refresh token of the last response. It can be used once."),
        ]
        | None
    ) = None
    client_id: (
        Annotated[
            str,
            Meta(
                max_length=100,
                description="With `client_credentials`: the `prefix` or the id of an API key. Can also be sent by "
                "HTTP Basic.",
            ),
        ]
        | None
    ) = None
    client_secret: (
        Annotated[
            Secret,
            Meta(
                description="The API key, either the whole key or only the part after the prefix.",
                extra_json_schema={"format": "password"},
            ),
        ]
        | None
    ) = None
    scope: (
        Annotated[
            str,
            Meta(
                max_length=2000,
                description="Permissions to limit the token to, separated by spaces. You must have all of them. "
                "Default: all your permissions.",
                examples=["account:read account:write"],
            ),
        ]
        | None
    ) = None


class PasswordChangeInput(Struct, forbid_unknown_fields=True):
    """Input for a password change: the current and the new password."""

    current_password: Annotated[Password, Meta(examples=["seven grey herons asleep"])]
    new_password: Annotated[Password, Meta(examples=["four green boats at noon"])]


class PasswordResetInput(Struct, forbid_unknown_fields=True):
    """Input for a password reset: the e-mail address of the account."""

    email: Annotated[
        str, Meta(max_length=254, description="The e-mail address of the account.", examples=["kim@shop.example"])
    ]


class PasswordResetConfirmInput(Struct, forbid_unknown_fields=True):
    """Input to complete a password reset: the token from the e-mail and the new password."""

    token: Annotated[
        Secret,
        Meta(
            description="The token from the e-mail. It expires after an hour and can be used once.",
            examples=["mt_7hQz..."],
        ),
    ]
    new_password: Annotated[Password, Meta(examples=["four green boats at noon"])]


class EmailVerifyInput(Struct, forbid_unknown_fields=True):
    """Input to verify an e-mail address: the token from the e-mail."""

    token: Annotated[
        Secret,
        Meta(
            description="The token from the e-mail. It expires after 24 hours and can be used once.",
            examples=["mt_7hQz..."],
        ),
    ]


class EmailChangeInput(Struct, forbid_unknown_fields=True):
    """Input for a new e-mail address. It replaces the current one once it is verified."""

    email: Email
    password: Annotated[Password, Meta(description="The password of the account.")]


class ProfileInput(Struct, forbid_unknown_fields=True):
    """Input for a profile. Fields that are omitted or null get their defaults."""

    username: Username | None = None
    full_name: FullName = ""


class AccountCloseInput(Struct, forbid_unknown_fields=True):
    """Input to close an account: its password, as a confirmation."""

    password: Password


class RoleInput(Struct, forbid_unknown_fields=True):
    """Input for a user's role."""

    role: Role


class AddressInput(Struct, forbid_unknown_fields=True):
    """Input for an address. Fields that are omitted or null get their defaults."""

    name: Recipient
    lines: Lines
    city: City
    country: Country
    company: Company = ""
    postcode: Postcode = ""
    region: AddressRegion | None = None
    phone: Phone | None = None


class ApiKeyInput(Struct, forbid_unknown_fields=True):
    """Input for an API key. Fields that are omitted or null get their defaults."""

    name: KeyName
    scopes: Annotated[
        Scopes | None,
        Meta(
            description="Permissions to limit the key to. You must have all of them. `null` for all your permissions.",
        ),
    ] = None
    points_per_minute: Points | None = None
    expires_at: Annotated[
        datetime | None,
        Meta(
            description="When the key stops working, with a UTC offset. `null` for never.",
            examples=["2027-06-30T12:00:00.000001Z"],
        ),
    ] = None
