"""Stock locations, levels, movements and reservations, and receipts of imported quantities."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, SortText, UTCDateTime
from tradepost.kit.ids import new_id

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

LEVEL, MOVEMENT = 23, 24
"""Type numbers in ids."""
MAIN_LOCATION = "01990000-0000-7000-8000-000000000016"
"""The same id in every shop, so that the demo data can use it. Its type number is 22."""
BATCH_SIZE = 1000


def upgrade() -> None:
    """Create the tables, the location `main`, and the receipts of imported quantities."""
    op.create_table(
        "stock_location",
        *_columns(),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("name", SortText, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_location")),
        sa.UniqueConstraint("code", name="stock_location_code_key"),
    )
    op.create_index("stock_location_priority", "stock_location", ["priority", "id"])
    op.create_index("stock_location_name", "stock_location", ["name", "id"])
    op.create_index("stock_location_created", "stock_location", ["created_at", "id"])
    op.create_table(
        "stock_level",
        *_columns(),
        sa.Column("version", sa.Integer, nullable=False),
        *_place("stock_level", "CASCADE"),
        sa.Column("on_hand", sa.BigInteger, nullable=False),
        sa.Column("reserved", sa.BigInteger, nullable=False),
        sa.Column("backorder", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_level")),
        sa.UniqueConstraint("variant_id", "location_id", name="stock_level_location_key"),
        sa.CheckConstraint(
            "on_hand >= 0 AND reserved >= 0 AND (backorder OR reserved <= on_hand)", name="stock_level_reserved_check"
        ),
    )
    op.create_index("stock_level_location", "stock_level", ["location_id", "created_at", "id"])
    op.create_index("stock_level_available", "stock_level", [sa.text("(on_hand - reserved)"), "id"])
    op.create_index("stock_level_created", "stock_level", ["created_at", "id"])
    _create_movements()
    _create_reservations()
    _receive_imported_quantities()


def _create_movements() -> None:
    op.create_table(
        "stock_movement",
        *_columns(),
        *_place("stock_movement", "CASCADE"),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("on_hand_delta", sa.BigInteger, nullable=False),
        sa.Column("reserved_delta", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("actor_id", Id),
        sa.Column("reference", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_movement")),
        sa.UniqueConstraint("variant_id", "location_id", "reference", "kind", name="stock_movement_reference_key"),
        sa.CheckConstraint(
            "kind IN ('receive', 'adjust', 'transfer', 'reserve', 'release', 'ship', 'return')",
            name="stock_movement_kind_check",
        ),
    )
    op.create_index("stock_movement_variant", "stock_movement", ["variant_id", "created_at", "id"])
    op.create_index("stock_movement_location", "stock_movement", ["location_id"])


def _create_reservations() -> None:
    op.create_table(
        "stock_reservation",
        *_columns(),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("order_line_id", Id, nullable=False),
        *_place("stock_reservation", None),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("shipped", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_reservation")),
        sa.UniqueConstraint("order_line_id", "location_id", name="stock_reservation_location_key"),
        sa.CheckConstraint("shipped >= 0 AND shipped <= quantity", name="stock_reservation_shipped_check"),
    )
    for column in ("order", "variant", "location"):
        op.create_index(f"stock_reservation_{column}", "stock_reservation", [f"{column}_id"])


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", Id, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("updated_at", UTCDateTime, nullable=False),
    ]


def _place(table: str, ondelete: str | None) -> list[sa.Column[Any]]:
    """Return the columns of the variant and of the location."""
    variant = sa.ForeignKey("variant.id", name=op.f(f"fk_{table}_variant_id_variant"), ondelete=ondelete)
    location = sa.ForeignKey("stock_location.id", name=op.f(f"fk_{table}_location_id_stock_location"))
    return [
        sa.Column("variant_id", Id, variant, nullable=False),
        sa.Column("location_id", Id, location, nullable=False),
    ]


def _receive_imported_quantities() -> None:
    """Create the location `main`, and put there what variants of imported products had in stock."""
    connection, now = op.get_bind(), datetime.now(UTC)
    times = {"created_at": now, "updated_at": now}
    location = {"id": MAIN_LOCATION, "version": 1, "code": "main", "name": "Main", "priority": 0, "active": True}
    connection.execute(_table("stock_location", "code name priority active version").insert(), [location | times])
    variant = sa.table(
        "variant",
        sa.column("id", Id),
        sa.column("imported_quantity", sa.Integer),
        sa.column("track_inventory", sa.Boolean),
        sa.column("allow_backorder", sa.Boolean),
    )
    levels = _table("stock_level", "version on_hand reserved backorder", "variant_id", "location_id")
    movements = _table("stock_movement", "kind on_hand_delta reserved_delta reference", "variant_id", "location_id")
    query = sa.select(variant.c.id, variant.c.imported_quantity, variant.c.allow_backorder).where(
        variant.c.imported_quantity > 0, variant.c.track_inventory.is_(sa.true())
    )
    last: str | None = None
    while True:
        page = query if last is None else query.where(variant.c.id > last)
        rows = connection.execute(page.order_by(variant.c.id).limit(BATCH_SIZE)).all()
        if not rows:
            return
        last = rows[-1].id
        place = [{"variant_id": row.id, "location_id": location["id"]} | times for row in rows]
        connection.execute(
            levels.insert(),
            [
                {"id": new_id(LEVEL), "version": 1, "on_hand": row.imported_quantity, "reserved": 0}
                | {"backorder": row.allow_backorder}
                | at
                for row, at in zip(rows, place, strict=True)
            ],
        )
        connection.execute(
            movements.insert(),
            [
                {"id": new_id(MOVEMENT), "kind": "receive", "on_hand_delta": row.imported_quantity}
                | {"reserved_delta": 0, "reference": "import"}
                | at
                for row, at in zip(rows, place, strict=True)
            ],
        )


def _table(name: str, columns: str, *ids: str) -> sa.TableClause:
    return sa.table(
        name,
        sa.column("id", Id),
        sa.column("created_at", UTCDateTime),
        sa.column("updated_at", UTCDateTime),
        *[sa.column(id, Id) for id in ids],
        *[sa.column(column, sa.Boolean if column in ("active", "backorder") else None) for column in columns.split()],
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("stock_reservation", "stock_movement", "stock_level", "stock_location"):
        op.drop_table(table)
