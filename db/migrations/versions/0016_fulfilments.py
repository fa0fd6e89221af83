"""Fulfilments and their lines."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, UTCDateTime

revision = "0016"
down_revision = "0015b"
branch_labels = None
depends_on = None

IS_SHIPPED = sa.text("status = 'shipped'")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "fulfilment",
        sa.Column("id", Id, nullable=False),
        *[sa.Column(name, UTCDateTime, nullable=False) for name in ("created_at", "updated_at")],
        sa.Column("version", sa.Integer, nullable=False),
        *[sa.Column(name, Id, nullable=False) for name in ("order_id", "location_id")],
        sa.Column("status", sa.String, nullable=False),
        *[sa.Column(name, sa.String) for name in ("carrier", "tracking_number", "tracking_url")],
        *[sa.Column(name, UTCDateTime) for name in ("shipped_at", "delivered_at")],
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fulfilment")),
        _foreign_key("fulfilment", "order_id", "order", "CASCADE"),
        _foreign_key("fulfilment", "location_id", "stock_location"),
        sa.CheckConstraint(
            "status IN ('pending', 'shipped', 'delivered', 'cancelled', 'returned')", name="fulfilment_status_check"
        ),
        sa.CheckConstraint(
            "(status IN ('pending', 'cancelled')) = (shipped_at IS NULL)", name="fulfilment_shipped_at_check"
        ),
        sa.CheckConstraint("(status = 'delivered') = (delivered_at IS NOT NULL)", name="fulfilment_delivered_at_check"),
    )
    op.create_index("fulfilment_order", "fulfilment", ["order_id", "created_at", "id"])
    op.create_index("fulfilment_status", "fulfilment", ["status", "created_at", "id"])
    op.create_index("fulfilment_created", "fulfilment", ["created_at", "id"])
    op.create_index("fulfilment_location", "fulfilment", ["location_id"])
    op.create_index(
        "fulfilment_shipped", "fulfilment", ["shipped_at", "id"], sqlite_where=IS_SHIPPED, postgresql_where=IS_SHIPPED
    )
    op.create_table(
        "fulfilment_line",
        sa.Column("id", Id, nullable=False),
        *[sa.Column(name, UTCDateTime, nullable=False) for name in ("created_at", "updated_at")],
        *[sa.Column(name, Id, nullable=False) for name in ("fulfilment_id", "order_line_id")],
        *[sa.Column(name, sa.Integer, nullable=False) for name in ("position", "quantity")],
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fulfilment_line")),
        sa.UniqueConstraint("fulfilment_id", "order_line_id", name="fulfilment_line_order_line_key"),
        _foreign_key("fulfilment_line", "fulfilment_id", "fulfilment", "CASCADE"),
        _foreign_key("fulfilment_line", "order_line_id", "order_line", "CASCADE"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 9999", name="fulfilment_line_quantity_check"),
    )
    op.create_index("fulfilment_line_fulfilment", "fulfilment_line", ["fulfilment_id", "position", "id"])
    op.create_index("fulfilment_line_order_line", "fulfilment_line", ["order_line_id"])


def _foreign_key(table: str, column: str, target: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"), ondelete=ondelete
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("fulfilment_line")
    op.drop_table("fulfilment")
