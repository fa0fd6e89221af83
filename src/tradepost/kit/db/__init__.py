"""Tables, column types, engines and errors of SQLite and PostgreSQL."""
