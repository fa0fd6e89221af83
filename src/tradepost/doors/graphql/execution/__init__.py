"""Execution of requests: documents are parsed, compiled to plans, and run."""
