"""Alembic's entry: `tradepost.migrations.runner` runs it with a connection of its own; the bare `alembic` command takes the database from the settings."""

from alembic import context

from tradepost.migrations.runner import migrate, run_standalone

if (connection := context.config.attributes.get("connection")) is not None:
    migrate(connection)
else:
    run_standalone()
