"""Tables of accounts.

They hold no secrets: passwords are stored as argon2id hashes, random tokens as keyed HMACs.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tradepost.kit.db.base import Table, Versioned, uncached
from tradepost.kit.db.column_types import Id, Json, SortText, UTCDateTime
from tradepost.kit.db.full_text import SearchRow


@uncached
class UserRow(Versioned):
    """A user's account.

    Closing it erases the name, the addresses and the credentials. The row stays, because orders
    refer to it.
    """

    __tablename__, __number__ = "user", 11
    __table_args__ = (
        UniqueConstraint("email", name="user_email_key"),
        UniqueConstraint("username", name="user_username_key"),
        CheckConstraint("status IN ('active', 'suspended', 'closed')", name="user_status_check"),
        Index("user_created", "created_at", "id"),
        Index("user_role", "role", "created_at", "id"),
        Index("user_status", "status", "created_at", "id"),
    )
    email: Mapped[str] = mapped_column(SortText)
    username: Mapped[str | None]
    full_name: Mapped[str] = mapped_column(default="")
    password_hash: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="active")
    role: Mapped[str] = mapped_column(default="customer")
    email_verified_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


@uncached
class UserSearchRow(SearchRow):
    """The search words of a user: `name` has those of the names, `words` also the address."""

    __tablename__ = "user_search"
    id: Mapped[str] = mapped_column(Id, ForeignKey("user.id", ondelete="CASCADE"), unique=True)


@uncached
class SessionRow(Table):
    """A session: one log-in and the family of refresh tokens that follows from it.

    Access tokens name their session, so ending it invalidates them. `scopes` are the permissions
    that an OAuth2 client limited it to; null means all those of its user.
    """

    __tablename__, __number__ = "session", 12
    __table_args__ = (Index("session_user", "user_id", "id"), Index("session_expires", "expires_at"))
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("user.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    scopes: Mapped[Sequence[str] | None] = mapped_column(Json)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


@uncached
class RefreshTokenRow(Table):
    """A refresh token of a session. It can be used once; using it again later ends the session.

    Its successor is derived from it (`OpaqueTokens.successor`).
    """

    __tablename__, __number__ = "refresh_token", 13
    __table_args__ = (
        UniqueConstraint("secret_hash", name="refresh_token_secret_hash_key"),
        Index("refresh_token_session", "session_id"),
    )
    session_id: Mapped[str] = mapped_column(Id, ForeignKey("session.id", ondelete="CASCADE"))
    secret_hash: Mapped[str]
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


@uncached
class EmailTokenRow(Table):
    """A token that was sent by e-mail. It can be used once.

    `purpose` is to verify the address `email`, or to set a new password.
    """

    __tablename__, __number__ = "mailed_token", 15
    __table_args__ = (
        UniqueConstraint("secret_hash", name="mailed_token_secret_hash_key"),
        Index("mailed_token_user", "user_id"),
        Index("mailed_token_expires", "expires_at"),
    )
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("user.id", ondelete="CASCADE"))
    purpose: Mapped[str]
    email: Mapped[str]
    secret_hash: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


@uncached
class ApiKeyRow(Versioned):
    """An API key. Its secret is shown once and stored as a keyed hash; `prefix` identifies the row.

    A user's key has the permissions of its owner, limited to `scopes`. A key without an owner,
    created on the command line, has a `role` instead.
    """

    __tablename__, __number__ = "api_key", 10
    __table_args__ = (
        UniqueConstraint("prefix", name="api_key_prefix_key"),
        Index("api_key_user", "user_id", "created_at", "id"),
    )
    name: Mapped[str]
    role: Mapped[str | None]
    prefix: Mapped[str]
    secret_hash: Mapped[str]
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    user_id: Mapped[str | None] = mapped_column(Id, ForeignKey("user.id", ondelete="CASCADE"))
    scopes: Mapped[Sequence[str] | None] = mapped_column(Json)
    points_per_minute: Mapped[int | None]
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


@uncached
class AddressRow(Versioned):
    """An address in a user's address book."""

    __tablename__, __number__ = "address", 14
    __table_args__ = (Index("address_user", "user_id", "created_at", "id"),)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("user.id", ondelete="CASCADE"))
    name: Mapped[str]
    company: Mapped[str] = mapped_column(default="", server_default="")
    lines: Mapped[list[str]] = mapped_column(Json)
    city: Mapped[str]
    postcode: Mapped[str]
    region: Mapped[str | None]
    country: Mapped[str]
    phone: Mapped[str | None]
