"""Execution of prepared requests, by plan or by graphql-core."""
