"""Returns and their lines, and what the right of withdrawal depends on."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, UTCDateTime

revision = "0017"
down_revision = "0016b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and the columns of orders and their lines."""
    _create_returns()
    _create_return_lines()
    op.add_column("order", sa.Column("delivered_at", UTCDateTime))
    excluded = sa.Column("withdrawal_excluded", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("order_line", excluded)
    _fill_columns()


def _create_returns() -> None:
    op.create_table(
        "return",
        sa.Column("id", Id, nullable=False),
        *[sa.Column(name, UTCDateTime, nullable=False) for name in ("created_at", "updated_at")],
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("fulfilment_id", Id),
        *[sa.Column(name, sa.String, nullable=False) for name in ("kind", "status")],
        *[sa.Column(name, sa.String) for name in ("reason", "rejection_reason")],
        sa.Column("refunds_shipping", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_return")),
        _foreign_key("return", "order_id", "order", "CASCADE"),
        _foreign_key("return", "fulfilment_id", "fulfilment", "CASCADE"),
        sa.CheckConstraint("kind IN ('return', 'withdrawal')", name="return_kind_check"),
        sa.CheckConstraint("status IN ('requested', 'received', 'rejected', 'cancelled')", name="return_status_check"),
    )
    op.create_index("return_order", "return", ["order_id", "created_at", "id"])
    op.create_index("return_status", "return", ["status", "created_at", "id"])
    op.create_index("return_created", "return", ["created_at", "id"])
    op.create_index("return_fulfilment", "return", ["fulfilment_id"])


def _create_return_lines() -> None:
    op.create_table(
        "return_line",
        sa.Column("id", Id, nullable=False),
        *[sa.Column(name, UTCDateTime, nullable=False) for name in ("created_at", "updated_at")],
        *[sa.Column(name, Id, nullable=False) for name in ("return_id", "order_line_id")],
        *[sa.Column(name, sa.Integer, nullable=False) for name in ("position", "quantity")],
        sa.Column("restock", sa.Boolean),
        sa.Column("location_id", Id),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_return_line")),
        sa.UniqueConstraint("return_id", "order_line_id", "restock", name="return_line_restock_key"),
        _foreign_key("return_line", "return_id", "return", "CASCADE"),
        _foreign_key("return_line", "order_line_id", "order_line", "CASCADE"),
        _foreign_key("return_line", "location_id", "stock_location"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 9999", name="return_line_quantity_check"),
    )
    op.create_index("return_line_return", "return_line", ["return_id", "position", "id"])
    op.create_index("return_line_order_line", "return_line", ["order_line_id"])
    op.create_index("return_line_location", "return_line", ["location_id"])


def _fill_columns() -> None:
    """Fill the columns of existing orders: deliveries are in their timelines."""
    order = sa.table("order", sa.column("id", Id), sa.column("delivered_at", UTCDateTime))
    event = sa.table(
        "order_event", sa.column("order_id", Id), sa.column("type", sa.String), sa.column("created_at", UTCDateTime)
    )
    is_delivery = event.c.type.in_(("fulfilment_delivered", "units_delivered"))
    delivered_at = sa.select(sa.func.max(event.c.created_at)).where(event.c.order_id == order.c.id, is_delivery)
    op.execute(sa.update(order).values(delivered_at=delivered_at.scalar_subquery()))
    line = sa.table("order_line", sa.column("variant_id", Id), sa.column("withdrawal_excluded", sa.Boolean))
    variant = sa.table("variant", sa.column("id", Id), sa.column("withdrawal_excluded", sa.Boolean))
    excluded = sa.select(variant.c.id).where(variant.c.withdrawal_excluded)
    op.execute(sa.update(line).where(line.c.variant_id.in_(excluded)).values(withdrawal_excluded=True))


def _foreign_key(table: str, column: str, target: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"), ondelete=ondelete
    )


def downgrade() -> None:
    """Drop the tables and the columns."""
    op.drop_column("order_line", "withdrawal_excluded")
    op.drop_column("order", "delivered_at")
    op.drop_table("return_line")
    op.drop_table("return")
