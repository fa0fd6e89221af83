"""Index for the newest products of a category: their creation time is copied to the link table."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CREATED_AT = "(SELECT created_at FROM product WHERE product.id = {}product_id)"


def upgrade() -> None:
    """Add the column. `created_at` never changes, so a trigger copies it once, on INSERT."""
    op.add_column("product_category", sa.Column("product_created_at", UTCDateTime))
    op.execute(f"UPDATE product_category SET product_created_at = {CREATED_AT.format('product_category.')}")
    op.drop_index("product_category_category", "product_category")
    op.create_index(
        "product_category_category", "product_category", ["category_id", "product_created_at", "product_id"]
    )
    if op.get_bind().dialect.name == "sqlite":
        step = f"UPDATE product_category SET product_created_at = {CREATED_AT.format('NEW.')} WHERE rowid = NEW.rowid;"
        op.execute(f"CREATE TRIGGER product_category_born AFTER INSERT ON product_category BEGIN {step} END")
        return
    step = f"NEW.product_created_at := {CREATED_AT.format('NEW.')}; RETURN NEW;"
    op.execute(f"CREATE FUNCTION product_category_born() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {step} END $$")
    op.execute(
        "CREATE TRIGGER product_category_born BEFORE INSERT ON product_category"
        " FOR EACH ROW EXECUTE FUNCTION product_category_born()"
    )


def downgrade() -> None:
    """Drop the trigger and the column, and restore the index."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER product_category_born")
    else:
        op.execute("DROP TRIGGER product_category_born ON product_category")
        op.execute("DROP FUNCTION product_category_born()")
    op.drop_index("product_category_category", "product_category")
    op.drop_column("product_category", "product_created_at")
    op.create_index("product_category_category", "product_category", ["category_id", "product_id"])
