"""Entry point of Alembic.

`tradepost.migrations.runner` runs it with an open connection. The `alembic` command has none and
takes the database from the settings.
"""

from alembic import context

from tradepost.migrations.runner import run_migrations, run_standalone

if (connection := context.config.attributes.get("connection")) is not None:
    run_migrations(connection)
else:
    run_standalone()
