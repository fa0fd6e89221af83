"""Tables of the accounts."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tradepost.kit.columns import Moment
from tradepost.kit.tables import Versioned


class ApiKeyRow(Versioned):
    """A key that a program calls with. The secret is shown once and kept only as a keyed hash; `prefix` finds the row in constant time."""

    __tablename__, __number__ = "api_key", 10
    __table_args__ = (UniqueConstraint("prefix", name="api_key_prefix_key"),)
    name: Mapped[str]
    role: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[str]
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
