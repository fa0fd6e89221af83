"""Categories, products, variants, tags, the search index, API keys and the outbox."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, Json, SortText, UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Products without a price sort last: 2^53 is above every amount.
PRICE = sa.text("coalesce(price_from_amount, 9007199254740992)")
PRICE_DOWN = sa.text("coalesce(price_from_amount, -1)")
ACTIVE: dict[str, Any] = {
    "sqlite_where": sa.text("status = 'active'"),
    "postgresql_where": sa.text("status = 'active'"),
}


def base_columns(*, version: bool = True) -> list[sa.Column]:
    """The columns that every table has."""
    return [
        *not_null(Id, "id"),
        *not_null(UTCDateTime, "created_at", "updated_at"),
        *(not_null(sa.Integer, "version") if version else []),
    ]


def not_null(type_: sa.types.TypeEngine | type, *names: str) -> list[sa.Column]:
    """NOT NULL columns of one type."""
    return [sa.Column(name, type_, nullable=False) for name in names]


def foreign_key(table: str, column: str, target: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    """A foreign key with its conventional name."""
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"), ondelete=ondelete
    )


def primary_key(table: str) -> sa.PrimaryKeyConstraint:
    """The primary key with its conventional name."""
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def upgrade() -> None:
    """Create all tables, referenced ones first."""
    categories()
    products()
    variants()
    tags()
    product_categories()
    search()
    accounts()
    outbox()


def downgrade() -> None:
    """Drop all tables, referencing ones first."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE product_search_fts")
    for table in (
        "outbox_event",
        "api_key",
        "product_search",
        "product_tag",
        "product_category",
        "tag",
        "variant",
        "product",
        "category",
    ):
        op.drop_table(table)


def categories() -> None:
    """The category tree."""
    op.create_table(
        "category",
        *base_columns(),
        sa.Column("slug", sa.String, nullable=False),
        sa.Column("name", SortText, nullable=False),
        sa.Column("description", sa.String, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("parent_id", Id),
        sa.Column("path", sa.String, nullable=False),
        primary_key("category"),
        sa.UniqueConstraint("slug", name=op.f("category_slug_key")),
        foreign_key("category", "parent_id", "category"),
    )
    op.create_index("category_parent", "category", ["parent_id", "position", "id"])
    op.create_index("category_position", "category", ["position", "id"])
    op.create_index("category_name", "category", ["name", "id"])
    op.create_index("category_created", "category", ["created_at", "id"])


def products() -> None:
    """Products, with an index for each sort order of all products and of the active ones."""
    op.create_table(
        "product",
        *base_columns(),
        sa.Column("slug", sa.String, nullable=False),
        sa.Column("name", SortText, nullable=False),
        *not_null(sa.String, "description", "status"),
        *not_null(Json, "attributes", "tags"),
        sa.Column("price_from_amount", sa.BigInteger),
        sa.Column("price_from_currency", sa.String),
        *not_null(sa.Integer, "rating_count", "rating_sum"),
        sa.Column("category_id", Id),
        sa.Column("external_reference", sa.String),
        sa.Column("source", Json),
        primary_key("product"),
        sa.UniqueConstraint("slug", name=op.f("product_slug_key")),
        sa.UniqueConstraint("external_reference", name=op.f("product_external_reference_key")),
        sa.CheckConstraint("status IN ('draft', 'active', 'archived')", name=op.f("ck_product_product_status_check")),
        foreign_key("product", "category_id", "category", "SET NULL"),
    )
    op.create_index("product_created", "product", ["created_at", "id"])
    op.create_index("product_updated", "product", ["updated_at", "id"])
    op.create_index("product_name", "product", ["name", "id"])
    op.create_index("product_price", "product", [PRICE, "id"])
    op.create_index("product_price_down", "product", [PRICE_DOWN, "id"])
    op.create_index("product_active_created", "product", ["created_at", "id"], **ACTIVE)
    op.create_index("product_active_name", "product", ["name", "id"], **ACTIVE)
    op.create_index("product_active_price", "product", [PRICE, "id"], **ACTIVE)
    op.create_index("product_active_price_down", "product", [PRICE_DOWN, "id"], **ACTIVE)
    op.create_index("product_category_id", "product", ["category_id", "created_at", "id"])


def variants() -> None:
    """Variants of products."""
    op.create_table(
        "variant",
        *base_columns(),
        sa.Column("product_id", Id, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        *not_null(SortText, "sku", "name"),
        sa.Column("options", Json, nullable=False),
        sa.Column("options_key", sa.String, nullable=False),
        sa.Column("price_amount", sa.BigInteger, nullable=False),
        sa.Column("price_currency", sa.String, nullable=False),
        sa.Column("compare_at_price_amount", sa.BigInteger),
        sa.Column("compare_at_price_currency", sa.String),
        sa.Column("weight_grams", sa.Integer),
        sa.Column("barcode", sa.String),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("tax_class", sa.String, nullable=False),
        *not_null(sa.Boolean, "track_inventory", "allow_backorder"),
        sa.Column("external_reference", sa.String),
        sa.Column("source", Json),
        sa.Column("imported_quantity", sa.Integer),
        primary_key("variant"),
        sa.UniqueConstraint("sku", name=op.f("variant_sku_key")),
        sa.UniqueConstraint("product_id", "options_key", name=op.f("variant_options_key")),
        foreign_key("variant", "product_id", "product", "CASCADE"),
    )
    op.create_index("variant_product", "variant", ["product_id", "position", "id"])


def tags() -> None:
    """Tags and the tags of products."""
    op.create_table(
        "tag",
        *base_columns(version=False),
        sa.Column("slug", SortText, nullable=False),
        primary_key("tag"),
        sa.UniqueConstraint("slug", name=op.f("tag_slug_key")),
    )
    product_links("product_tag", "tag", unique="product_tag_key", reverse="product_tag_tag")


def product_categories() -> None:
    """The categories of products."""
    product_links("product_category", "category", unique="product_category_key", reverse="product_category_category")


def product_links(table: str, target: str, *, unique: str, reverse: str) -> None:
    """A link table of products, indexed both ways. Its rows are deleted with either side."""
    column = f"{target}_id"
    op.create_table(
        table,
        *base_columns(version=False),
        sa.Column("product_id", Id, nullable=False),
        sa.Column(column, Id, nullable=False),
        primary_key(table),
        sa.UniqueConstraint("product_id", column, name=op.f(unique)),
        foreign_key(table, "product_id", "product", "CASCADE"),
        foreign_key(table, column, target, "CASCADE"),
    )
    op.create_index(reverse, table, [column, "product_id"])


def search() -> None:
    """The search documents of products, and the full-text index of the database."""
    op.create_table(
        "product_search",
        sa.Column("seq", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("id", Id, nullable=False),
        *not_null(sa.Text, "name", "words"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_product_search")),
        sa.UniqueConstraint("id", name=op.f("uq_product_search_id")),
        foreign_key("product_search", "id", "product", "CASCADE"),
    )
    (create_tsvector_index if op.get_bind().dialect.name == "postgresql" else create_fts5_index)()


def create_fts5_index() -> None:
    """SQLite: an FTS5 index over `product_search`, kept by triggers.

    The words are already normalised: the `ascii` tokenizer only splits them at spaces.
    """
    op.execute(
        "CREATE VIRTUAL TABLE product_search_fts USING fts5(name, words, content='product_search',"
        " content_rowid='seq', tokenize='ascii', prefix='2 3')"
    )
    remove = (
        "INSERT INTO product_search_fts(product_search_fts, rowid, name, words)"
        " VALUES ('delete', old.seq, old.name, old.words);"
    )
    add = "INSERT INTO product_search_fts(rowid, name, words) VALUES (new.seq, new.name, new.words);"
    for change, steps in (("insert", add), ("delete", remove), ("update", f"{remove} {add}")):
        op.execute(f"CREATE TRIGGER product_search_{change} AFTER {change.upper()} ON product_search BEGIN {steps} END")


def create_tsvector_index() -> None:
    """PostgreSQL: a `tsvector` with one lexeme per word, without parser, dictionary or locale."""
    for column in ("name", "words"):
        lexemes = f"array_to_tsvector(array_remove(string_to_array({column}, ' '), ''))"
        op.execute(
            f"ALTER TABLE product_search ADD COLUMN {column}_vector tsvector"
            f" GENERATED ALWAYS AS ({lexemes}) STORED NOT NULL"
        )
    op.execute("CREATE INDEX product_search_words ON product_search USING gin (words_vector)")


def accounts() -> None:
    """API keys."""
    op.create_table(
        "api_key",
        *base_columns(),
        *not_null(sa.String, "name", "role", "prefix", "secret_hash"),
        sa.Column("revoked_at", UTCDateTime),
        primary_key("api_key"),
        sa.UniqueConstraint("prefix", name=op.f("api_key_prefix_key")),
    )


def outbox() -> None:
    """Events to be delivered."""
    op.create_table(
        "outbox_event",
        *base_columns(version=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("subject", Id, nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("sent_at", UTCDateTime),
        primary_key("outbox_event"),
    )
    op.create_index("outbox_event_unsent", "outbox_event", ["sent_at", "id"])
