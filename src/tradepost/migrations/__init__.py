"""Database migrations: running them, and comparing the database with the latest one."""
