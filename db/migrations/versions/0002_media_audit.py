"""Product images and the audit log."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, Json, UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def not_null(type_: sa.types.TypeEngine | type, *names: str) -> list[sa.Column]:
    """NOT NULL columns of one type."""
    return [sa.Column(name, type_, nullable=False) for name in names]


def upgrade() -> None:
    """Create both tables."""
    media()
    audit()


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("audit_entry")
    op.drop_table("media")


def media() -> None:
    """Images of products. Only the URL of a remote one is known."""
    op.create_table(
        "media",
        *not_null(Id, "id"),
        *not_null(UTCDateTime, "created_at", "updated_at"),
        *not_null(sa.Integer, "version"),
        *not_null(Id, "product_id"),
        sa.Column("source_url", sa.String),
        *not_null(sa.String, "status"),
        sa.Column("mime", sa.String),
        sa.Column("sha256", sa.String),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        *not_null(sa.String, "alt"),
        *not_null(sa.Integer, "position"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.CheckConstraint(
            "status IN ('remote', 'pending', 'stored', 'failed')", name=op.f("ck_media_media_status_check")
        ),
        sa.CheckConstraint(
            "status <> 'remote' OR (mime IS NULL AND sha256 IS NULL AND bytes IS NULL"
            " AND width IS NULL AND height IS NULL)",
            name=op.f("ck_media_media_remote_check"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_media_product_id_product"), ondelete="CASCADE"
        ),
    )
    op.create_index("media_product", "media", ["product_id", "position", "id"])


def audit() -> None:
    """One entry per event."""
    op.create_table(
        "audit_entry",
        *not_null(Id, "id"),
        *not_null(UTCDateTime, "created_at", "updated_at"),
        sa.Column("caller_id", Id),
        *not_null(sa.String, "role", "door", "operation"),
        *not_null(Id, "subject"),
        *not_null(sa.String, "type"),
        *not_null(Json, "data"),
        *not_null(sa.String, "request_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("audit_entry_subject", "audit_entry", ["subject", "id"])
    op.create_index("audit_entry_created", "audit_entry", ["created_at", "id"])
