"""Which members of an existing product an input changes. All others keep their values.

A new product takes every member, and defaults for those that the input does not have.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

# The members of a column that has not the name of its member.
MEMBERS_OF_COLUMNS = {
    "price_amount": "price",
    "price_currency": "price",
    "compare_at_price_amount": "compare_at_price",
    "compare_at_price_currency": "compare_at_price",
    "options_key": "options",
}
ROW_SUFFIX = re.compile(r" \(row \d+\)$")

type Values = dict[str, Any]
"""Column values of a row by column name."""


class MemberScope(Struct, frozen=True):
    """The members of a product or variant that an input changes.

    keys: of some members that are objects, the keys that the input changes; it changes the whole
        object of all others. The key `Tags (row 2)` belongs to `Tags`.
    is_regular_price: whether `price` is the price without a reduction, and there is none in the
        input: a variant that is reduced has it as `compare_at_price`.
    """

    members: Collection[str]
    keys: Mapping[str, Collection[str]] = {}
    is_regular_price: bool = False

    def values(self, before: Values, new: Values) -> Values:
        """Return the new values of the columns that the input changes."""
        values = {name: value for name, value in new.items() if MEMBERS_OF_COLUMNS.get(name, name) in self.members}
        for member, keys in self.keys.items():
            if member in values:
                values[member] = _merge(before[member], values[member], keys)
        return values | _regular_price(before, new) if self.is_regular_price else values


class UpdateScope(Struct, frozen=True):
    """The scope of a product, and of each of its variants.

    replaces_main_category: whether a product leaves its main category for another one.
    """

    product: MemberScope
    variants: list[MemberScope]
    replaces_main_category: bool = False

    @classmethod
    def of_given_members(cls, product: Mapping[str, Any]) -> "UpdateScope":
        """Return the scope of a valid input: the members that it has."""
        return cls(
            MemberScope(product.keys()), [MemberScope(variant.keys()) for variant in product.get("variants", ())]
        )


def _merge(before: Values | None, new: Values | None, keys: Collection[str]) -> Values | None:
    """Return an object with the new values of some keys; those of them without one are removed."""
    others = {key: value for key, value in (before or {}).items() if ROW_SUFFIX.sub("", key) not in keys}
    return others | (new or {}) or (None if new is None else {})


def _regular_price(before: Values, new: Values) -> Values:
    """Return the prices of a reduced variant that gets another regular price."""
    price, amount = before["price_amount"], new["price_amount"]
    if before["compare_at_price_amount"] is None:
        return {}
    is_reduced = amount > price
    return {
        "price_amount": price if is_reduced else amount,
        "compare_at_price_amount": amount if is_reduced else None,
        "compare_at_price_currency": new["price_currency"] if is_reduced else None,
    }
