"""Pricing: shipping methods and tax rates.

The catalogue has the prices of variants. Carts and orders compute totals from both.
"""
