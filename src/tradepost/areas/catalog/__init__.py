"""The catalogue: what the shop sells, in which categories, variants and words."""
