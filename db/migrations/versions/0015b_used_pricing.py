"""Whether an order has used a tax rate or a shipping method."""

import sqlalchemy as sa
from alembic import op

revision = "0015b"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = ("tax_rate", "shipping_method")


def upgrade() -> None:
    """Add the column. If there are orders, they may have used every row that there is."""
    for name in TABLES:
        op.add_column(name, sa.Column("used", sa.Boolean, nullable=False, server_default=sa.false()))
        row = sa.table(name, sa.column("used", sa.Boolean))
        has_orders = sa.exists(sa.select(sa.literal(1)).select_from(sa.table("order")))
        op.execute(sa.update(row).where(has_orders).values(used=sa.true()))


def downgrade() -> None:
    """Drop the column."""
    for name in TABLES:
        op.drop_column(name, "used")
