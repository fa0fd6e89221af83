"""Inventory: stock locations, stock levels, the ledger of stock movements, and reservations.

Orders reserve stock when they are placed, and release it when they are cancelled.
"""
