"""Bulk upserts of products, in a fixed number of SQL statements for any number of inputs.

run             the steps: find, compare, check, write
existing        loads the existing products with their variants, images and categories
planned_upsert  compares one input with the existing product
variant_plan    compares the variants of one input with the existing ones
variant_matches finds the existing variants of an imported product
statements      writes the differences
"""

from .run import UpsertInput, UpsertOutcome, Upserts, validate_input

__all__ = ["UpsertInput", "UpsertOutcome", "Upserts", "validate_input"]
