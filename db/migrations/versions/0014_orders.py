"""Orders, their lines, timelines and search index; the sequence of their numbers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, Json, SortText, UTCDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TOTALS = ("subtotal", "discount_total", "shipping_total", "tax_total", "grand_total")
COUNTERS = ("cancelled_total", "authorized", "captured", "refunded")
DELIVERY = ("delivery_price", "delivery_discount", "delivery_tax", "delivery_total")
LINE_AMOUNTS = ("unit_price", "discount", "tax", "total")
CHECKS = {
    "status": "status IN ('pending', 'confirmed', 'completed', 'cancelled', 'expired')",
    "payment_status": "payment_status IN ('unpaid', 'processing', 'authorized', 'partially_paid', 'paid', "
    "'partially_refunded', 'refunded')",
    "fulfilment_status": "fulfilment_status IN ('unfulfilled', 'partially_fulfilled', 'fulfilled', "
    "'partially_returned', 'returned')",
    **{name: f"{name}_amount >= 0" for name in (*TOTALS, *COUNTERS, *DELIVERY)},
    "refunded_limit": "refunded_amount <= captured_amount",
    "cancelled_limit": "cancelled_total_amount <= grand_total_amount",
    "delivery_pair": "(delivery_price_amount IS NULL) = (delivery_total_amount IS NULL)",
    "expires": "status = 'pending' OR expires_at IS NULL",
}
LINE_CHECKS = {
    "quantity": "quantity BETWEEN 1 AND 9999",
    "counters": "shipped >= 0 AND cancelled >= 0 AND returned >= 0",
    "shipped": "shipped + cancelled <= quantity",
    "returned": "returned <= shipped",
    "tax_percentage": "tax_percentage BETWEEN 0 AND 1000000",
    **{name: f"{name}_amount >= 0" for name in LINE_AMOUNTS},
}
IS_PENDING = sa.text("status = 'pending'")
PENDING: dict[str, Any] = {"sqlite_where": IS_PENDING, "postgresql_where": IS_PENDING}


def upgrade() -> None:
    """Create the tables."""
    orders()
    lines()
    events()
    search()
    op.create_table(
        "order_counter",
        *_columns(),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_counter")),
    )
    if _is_postgresql():
        op.execute("CREATE SEQUENCE order_number_seq")


def orders() -> None:
    """Create the table of orders."""
    op.create_table(
        "order",
        *_columns(versioned=True),
        sa.Column("number", sa.String, nullable=False),
        sa.Column("cart_id", Id, nullable=False),
        sa.Column("customer_id", Id),
        sa.Column("email", SortText, nullable=False),
        sa.Column("client_hash", sa.String),
        *[sa.Column(name, sa.String, nullable=False) for name in ("locale", "currency", "status")],
        *[sa.Column(name, sa.String, nullable=False) for name in ("payment_status", "fulfilment_status")],
        *[sa.Column(f"{name}_amount", sa.BigInteger, nullable=False) for name in (*TOTALS, *COUNTERS)],
        *[sa.Column(f"{name}_amount", sa.BigInteger) for name in DELIVERY],
        sa.Column("prices_include_tax", sa.Boolean, nullable=False),
        *[sa.Column(name, Json, nullable=False) for name in ("tax_lines", "promotions", "payment_methods")],
        *[sa.Column(f"shipping_method_{name}", sa.String) for name in ("code", "name")],
        *_address("shipping_address"),
        *_address("billing_address"),
        sa.Column("note", sa.String, nullable=False),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("placed_at", UTCDateTime, nullable=False),
        sa.Column("expires_at", UTCDateTime),
        sa.Column("cancel_reason", sa.String),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order")),
        sa.UniqueConstraint("number", name="order_number_key"),
        sa.UniqueConstraint("cart_id", name="order_cart_id_key"),
        _foreign_key("order", "customer_id", "user", "RESTRICT"),
        *[sa.CheckConstraint(condition, name=f"order_{name}_check") for name, condition in CHECKS.items()],
    )
    for name, columns in {
        "created": ("created_at",),
        "placed": ("placed_at",),
        "total": ("grand_total_amount",),
        "status": ("status", "placed_at"),
        "payment_status": ("payment_status", "placed_at"),
        "fulfilment_status": ("fulfilment_status", "placed_at"),
        "customer": ("customer_id", "placed_at"),
        "email": ("email", "placed_at"),
    }.items():
        op.create_index(f"order_{name}", "order", [*columns, "id"])
    for name, column in {"customer": "customer_id", "email": "email", "client": "client_hash"}.items():
        op.create_index(f"order_open_{name}", "order", [column], **PENDING)
    op.create_index("order_expires", "order", ["expires_at", "id"], **PENDING)


def lines() -> None:
    """Create the table of order lines."""
    op.create_table(
        "order_line",
        *_columns(versioned=True),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("variant_id", Id, nullable=False),
        *[sa.Column(name, sa.String, nullable=False) for name in ("sku", "product_name", "variant_name")],
        sa.Column("options", Json, nullable=False),
        sa.Column("image_url", sa.String),
        sa.Column("requires_shipping", sa.Boolean, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("currency", sa.String, nullable=False),
        *[sa.Column(f"{name}_amount", sa.BigInteger, nullable=False) for name in LINE_AMOUNTS],
        *[
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("tax_percentage", "shipped", "cancelled", "returned")
        ],
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
        sa.UniqueConstraint("order_id", "variant_id", name="order_line_variant_id_key"),
        _foreign_key("order_line", "order_id", "order", "CASCADE"),
        _foreign_key("order_line", "variant_id", "variant", "RESTRICT"),
        *[sa.CheckConstraint(condition, name=f"order_line_{name}_check") for name, condition in LINE_CHECKS.items()],
    )
    op.create_index("order_line_order", "order_line", ["order_id", "position", "id"])
    op.create_index("order_line_variant", "order_line", ["variant_id", "id"])


def events() -> None:
    """Create the table of timelines."""
    op.create_table(
        "order_event",
        *_columns(),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_event")),
        _foreign_key("order_event", "order_id", "order", "CASCADE"),
        sa.CheckConstraint("actor IN ('customer', 'staff', 'system')", name="order_event_actor_check"),
    )
    op.create_index("order_event_order", "order_event", ["order_id", "created_at", "id"])


def search() -> None:
    """Create the table of search words, and the full-text index of the database."""
    op.create_table(
        "order_search",
        sa.Column("seq", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_order_search")),
        sa.UniqueConstraint("id", name=op.f("uq_order_search_id")),
        _foreign_key("order_search", "id", "order", "CASCADE"),
    )
    if _is_postgresql():
        for column in ("name", "words"):
            lexemes = f"array_to_tsvector(array_remove(string_to_array({column}, ' '), ''))"
            op.execute(
                f"ALTER TABLE order_search ADD COLUMN {column}_vector tsvector"
                f" GENERATED ALWAYS AS ({lexemes}) STORED NOT NULL"
            )
        op.execute("CREATE INDEX order_search_words ON order_search USING gin (words_vector)")
        return
    op.execute(
        "CREATE VIRTUAL TABLE order_search_fts USING fts5(name, words, content='order_search',"
        " content_rowid='seq', tokenize='ascii', prefix='2 3')"
    )
    remove = (
        "INSERT INTO order_search_fts(order_search_fts, rowid, name, words)"
        " VALUES ('delete', old.seq, old.name, old.words);"
    )
    add = "INSERT INTO order_search_fts(rowid, name, words) VALUES (new.seq, new.name, new.words);"
    for change, steps in (("insert", add), ("delete", remove), ("update", f"{remove} {add}")):
        op.execute(f"CREATE TRIGGER order_search_{change} AFTER {change.upper()} ON order_search BEGIN {steps} END")


def _columns(versioned: bool = False) -> list[sa.Column[Any]]:
    """Return the columns that every table has."""
    return [
        sa.Column("id", Id, nullable=False),
        sa.Column("created_at", UTCDateTime, nullable=False),
        sa.Column("updated_at", UTCDateTime, nullable=False),
        *([sa.Column("version", sa.Integer, nullable=False)] if versioned else []),
    ]


def _address(name: str) -> list[sa.Column[Any]]:
    """Return the columns of an address, all of which are null if there is none."""
    texts = ("city", "postcode", "region", "country", "phone")
    return [
        *[sa.Column(f"{name}_{member}", sa.String) for member in ("name", "company")],
        sa.Column(f"{name}_lines", Json),
        *[sa.Column(f"{name}_{member}", sa.String) for member in texts],
    ]


def _foreign_key(table: str, column: str, target: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"), ondelete=ondelete
    )


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def downgrade() -> None:
    """Drop the tables and the sequence."""
    if _is_postgresql():
        op.execute("DROP SEQUENCE order_number_seq")
    else:
        op.execute("DROP TABLE order_search_fts")
    for table in ("order_counter", "order_search", "order_event", "order_line", "order"):
        op.drop_table(table)
