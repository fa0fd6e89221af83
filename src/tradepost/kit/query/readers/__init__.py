"""Readers: run a plan's SQL text and return rows."""
