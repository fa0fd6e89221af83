"""The pictures of the products, and who changed what."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, Json, UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def needed(type_: sa.types.TypeEngine | type, *names: str) -> list[sa.Column]:
    """Columns of one type that are never null."""
    return [sa.Column(name, type_, nullable=False) for name in names]


def upgrade() -> None:
    """Make both tables."""
    media()
    audit()


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("audit_entry")
    op.drop_table("media")


def media() -> None:
    """Pictures; of a remote one nothing but its address is known."""
    op.create_table(
        "media",
        *needed(Id, "id"),
        *needed(UTCDateTime, "created_at", "updated_at"),
        *needed(sa.Integer, "version"),
        *needed(Id, "product_id"),
        sa.Column("source_url", sa.String),
        *needed(sa.String, "status"),
        sa.Column("mime", sa.String),
        sa.Column("sha256", sa.String),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        *needed(sa.String, "alt"),
        *needed(sa.Integer, "position"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.CheckConstraint(
            "status IN ('remote', 'pending', 'stored', 'failed')", name=op.f("ck_media_media_status_check")
        ),
        sa.CheckConstraint(
            "status <> 'remote' OR (mime IS NULL AND sha256 IS NULL AND bytes IS NULL AND width IS NULL AND height IS NULL)",
            name=op.f("ck_media_media_remote_check"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_media_product_id_product"), ondelete="CASCADE"
        ),
    )
    op.create_index("media_product", "media", ["product_id", "position", "id"])


def audit() -> None:
    """One row beside each event."""
    op.create_table(
        "audit_entry",
        *needed(Id, "id"),
        *needed(UTCDateTime, "created_at", "updated_at"),
        sa.Column("caller_id", Id),
        *needed(sa.String, "role", "door", "operation"),
        *needed(Id, "subject"),
        *needed(sa.String, "type"),
        *needed(Json, "data"),
        *needed(sa.String, "request_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("audit_entry_subject", "audit_entry", ["subject", "id"])
    op.create_index("audit_entry_created", "audit_entry", ["created_at", "id"])
