"""Carts: what guests and customers intend to buy, and quotes of what it costs."""
