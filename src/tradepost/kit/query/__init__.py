"""Reads: a Selection compiled to SQL, run by a reader, and returned as records."""
