"""Invalidation channels between processes: PostgreSQL, Redis and SQLite."""
