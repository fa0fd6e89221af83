"""Wishlists: variants that a customer wants."""
