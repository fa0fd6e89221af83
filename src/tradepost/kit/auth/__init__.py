"""Callers, permissions and OAuth 2 errors."""
