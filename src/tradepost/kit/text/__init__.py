"""Text: words for full-text search, and slugs."""
