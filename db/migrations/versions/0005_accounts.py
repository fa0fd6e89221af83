"""Users with their sessions, addresses and e-mailed tokens, and API keys that belong to users."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from tradepost.kit.db.column_types import Id, Json, SortText, UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and add the owner and limits of API keys."""
    users()
    search()
    sessions()
    addresses()
    with op.batch_alter_table("api_key") as table:
        table.alter_column("role", existing_type=sa.String, nullable=True)
        table.add_column(sa.Column("user_id", Id))
        table.add_column(sa.Column("scopes", Json))
        table.add_column(sa.Column("points_per_minute", sa.Integer))
        table.add_column(sa.Column("expires_at", UTCDateTime))
        table.add_column(sa.Column("last_used_at", UTCDateTime))
        table.create_foreign_key(op.f("fk_api_key_user_id_user"), "user", ["user_id"], ["id"], ondelete="CASCADE")
    op.create_index("api_key_user", "api_key", ["user_id", "created_at", "id"])


def downgrade() -> None:
    """Drop the tables and delete the API keys of users."""
    op.drop_index("api_key_user", "api_key")
    op.execute("DELETE FROM api_key WHERE user_id IS NOT NULL")
    with op.batch_alter_table("api_key") as table:
        table.drop_constraint(op.f("fk_api_key_user_id_user"), type_="foreignkey")
        for name in ("last_used_at", "expires_at", "points_per_minute", "scopes", "user_id"):
            table.drop_column(name)
        table.alter_column("role", existing_type=sa.String, nullable=False)
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE user_search_fts")
    for table in ("address", "mailed_token", "refresh_token", "session", "user_search", "user"):
        op.drop_table(table)


def base_columns(versioned: bool = False) -> list[Any]:
    """The columns that every table has."""
    columns = [
        sa.Column("id", Id, nullable=False),
        *[sa.Column(n, UTCDateTime, nullable=False) for n in ("created_at", "updated_at")],
    ]
    return [*columns, sa.Column("version", sa.Integer, nullable=False)] if versioned else columns


def foreign_key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    """A foreign key whose rows are deleted with the referenced one."""
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"), ondelete="CASCADE"
    )


def primary_key(table: str) -> sa.PrimaryKeyConstraint:
    """The primary key."""
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def users() -> None:
    """User accounts."""
    op.create_table(
        "user",
        *base_columns(versioned=True),
        sa.Column("email", SortText, nullable=False),
        sa.Column("username", sa.String),
        sa.Column("full_name", sa.String, nullable=False),
        sa.Column("password_hash", sa.String),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("email_verified_at", UTCDateTime),
        sa.CheckConstraint("status IN ('active', 'suspended', 'closed')", name=op.f("user_status_check")),
        sa.UniqueConstraint("email", name=op.f("user_email_key")),
        sa.UniqueConstraint("username", name=op.f("user_username_key")),
        primary_key("user"),
    )
    op.create_index("user_created", "user", ["created_at", "id"])
    for name in ("role", "status"):
        op.create_index(f"user_{name}", "user", [name, "created_at", "id"])


def search() -> None:
    """The search documents of users, and the full-text index of the database."""
    op.create_table(
        "user_search",
        sa.Column("seq", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_user_search")),
        sa.UniqueConstraint("id", name=op.f("uq_user_search_id")),
        foreign_key("user_search", "id", "user"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for column in ("name", "words"):
            lexemes = f"array_to_tsvector(array_remove(string_to_array({column}, ' '), ''))"
            op.execute(
                f"ALTER TABLE user_search ADD COLUMN {column}_vector tsvector"
                f" GENERATED ALWAYS AS ({lexemes}) STORED NOT NULL"
            )
        op.execute("CREATE INDEX user_search_words ON user_search USING gin (words_vector)")
        return
    op.execute(
        "CREATE VIRTUAL TABLE user_search_fts USING fts5(name, words, content='user_search',"
        " content_rowid='seq', tokenize='ascii', prefix='2 3')"
    )
    remove = (
        "INSERT INTO user_search_fts(user_search_fts, rowid, name, words)"
        " VALUES ('delete', old.seq, old.name, old.words);"
    )
    add = "INSERT INTO user_search_fts(rowid, name, words) VALUES (new.seq, new.name, new.words);"
    for change, steps in (("insert", add), ("delete", remove), ("update", f"{remove} {add}")):
        op.execute(f"CREATE TRIGGER user_search_{change} AFTER {change.upper()} ON user_search BEGIN {steps} END")


def sessions() -> None:
    """Sessions with their refresh tokens, and the tokens sent by e-mail."""
    op.create_table(
        "session",
        *base_columns(),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("expires_at", UTCDateTime, nullable=False),
        sa.Column("scopes", Json),
        sa.Column("revoked_at", UTCDateTime),
        foreign_key("session", "user_id", "user"),
        primary_key("session"),
    )
    op.create_index("session_user", "session", ["user_id", "id"])
    op.create_index("session_expires", "session", ["expires_at"])
    op.create_table(
        "refresh_token",
        *base_columns(),
        sa.Column("session_id", Id, nullable=False),
        sa.Column("secret_hash", sa.String, nullable=False),
        sa.Column("used_at", UTCDateTime),
        sa.UniqueConstraint("secret_hash", name=op.f("refresh_token_secret_hash_key")),
        foreign_key("refresh_token", "session_id", "session"),
        primary_key("refresh_token"),
    )
    op.create_index("refresh_token_session", "refresh_token", ["session_id"])
    op.create_table(
        "mailed_token",
        *base_columns(),
        sa.Column("user_id", Id, nullable=False),
        *[sa.Column(name, sa.String, nullable=False) for name in ("purpose", "email", "secret_hash")],
        sa.Column("expires_at", UTCDateTime, nullable=False),
        sa.Column("used_at", UTCDateTime),
        sa.UniqueConstraint("secret_hash", name=op.f("mailed_token_secret_hash_key")),
        foreign_key("mailed_token", "user_id", "user"),
        primary_key("mailed_token"),
    )
    op.create_index("mailed_token_user", "mailed_token", ["user_id"])
    op.create_index("mailed_token_expires", "mailed_token", ["expires_at"])


def addresses() -> None:
    """Addresses of users."""
    op.create_table(
        "address",
        *base_columns(versioned=True),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("lines", Json, nullable=False),
        *[sa.Column(name, sa.String, nullable=False) for name in ("city", "postcode", "country")],
        sa.Column("phone", sa.String),
        foreign_key("address", "user_id", "user"),
        primary_key("address"),
    )
    op.create_index("address_user", "address", ["user_id", "created_at", "id"])
