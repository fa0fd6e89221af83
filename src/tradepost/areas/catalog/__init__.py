"""The catalogue: products with their variants, images, categories and tags."""
