"""Upserts: products made or changed as a list of inputs says, by one set of statements however many they are.

run        the steps, from inputs to what came of each     present    which products are meant, and what they have
draft      a product as it is to be, beside the one there  variants   the same of its variants
statements what differs, written
"""

from .run import UpsertOutcome, Upserts, validate_input

__all__ = ["UpsertOutcome", "Upserts", "validate_input"]
