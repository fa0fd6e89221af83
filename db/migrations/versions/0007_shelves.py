"""The newest products of a category are read from an index: their time stands in the link table as well."""

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BORN = "(SELECT created_at FROM product WHERE product.id = {}product_id)"


def upgrade() -> None:
    """A product's time never changes, so it is taken over once, by whoever puts it into a category."""
    op.add_column("product_category", sa.Column("product_created_at", UTCDateTime))
    op.execute(f"UPDATE product_category SET product_created_at = {BORN.format('product_category.')}")
    op.drop_index("product_category_category", "product_category")
    op.create_index(
        "product_category_category", "product_category", ["category_id", "product_created_at", "product_id"]
    )
    if op.get_bind().dialect.name == "sqlite":
        step = f"UPDATE product_category SET product_created_at = {BORN.format('NEW.')} WHERE rowid = NEW.rowid;"
        op.execute(f"CREATE TRIGGER product_category_born AFTER INSERT ON product_category BEGIN {step} END")
        return
    step = f"NEW.product_created_at := {BORN.format('NEW.')}; RETURN NEW;"
    op.execute(f"CREATE FUNCTION product_category_born() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {step} END $$")
    op.execute(
        "CREATE TRIGGER product_category_born BEFORE INSERT ON product_category FOR EACH ROW EXECUTE FUNCTION product_category_born()"
    )


def downgrade() -> None:
    """As it was before."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER product_category_born")
    else:
        op.execute("DROP TRIGGER product_category_born ON product_category")
        op.execute("DROP FUNCTION product_category_born()")
    op.drop_index("product_category_category", "product_category")
    op.drop_column("product_category", "product_created_at")
    op.create_index("product_category_category", "product_category", ["category_id", "product_id"])
