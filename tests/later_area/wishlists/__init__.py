"""Wishlists: variants that somebody wants."""
