"""Finds the existing variants of imported ones, which need not have a SKU or options."""

from collections.abc import Sequence

from tradepost.kit.problems import Validation

from ...formats.update_scope import MemberScope
from .existing import Values


def find_variants(
    current: Sequence[Values], inputs: Sequence[Values], scopes: Sequence[MemberScope]
) -> list[Values | None]:
    """Return the current variant of each input, or None if it is a new one.

    It is the variant with the SKU in the file, else the one with the same options, else the one
    with the SKU that was generated for the input. A file without SKU and options means the only
    variant of a product.
    """
    has_sku = ["sku" in scope.members for scope in scopes]
    by_sku = {row["sku"]: row for row in current}
    matches = [by_sku.get(new["sku"]) if has else None for new, has in zip(inputs, has_sku, strict=True)]
    taken = {row["id"] for row in matches if row is not None}
    free = [row for row in current if row["id"] not in taken]
    for index, (new, scope) in enumerate(zip(inputs, scopes, strict=True)):
        if matches[index] is None and (row := _match(current, free, new, scope)) is not None:
            matches[index] = row
            free.remove(row)
    for index, (match, scope) in enumerate(zip(matches, scopes, strict=True)):
        if match is None and current and not has_sku[index] and "options" not in scope.members:
            message = "The file does not say which variant of the product this is. Add its SKU or its options."
            raise Validation.at_pointer(f"/variants/{index}/sku", message)
    return matches


def _match(current: Sequence[Values], free: Sequence[Values], new: Values, scope: MemberScope) -> Values | None:
    """Return the variant of an input among those that no SKU in the file belongs to."""
    if (same := next((row for row in free if row["options_key"] == new["options_key"]), None)) is not None:
        return same
    if "options" not in scope.members and (values := sorted(new["options"].values())):
        # The file has the values of the options without their names.
        return next((row for row in free if sorted(row["options"].values()) == values), None)
    if "sku" in scope.members:
        return None
    if (same := next((row for row in free if row["sku"] == new["sku"]), None)) is not None:
        return same
    return free[0] if len(current) == len(free) == 1 and "options" not in scope.members else None
