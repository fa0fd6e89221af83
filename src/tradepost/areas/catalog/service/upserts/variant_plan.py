"""The plan for the variants of one upsert: which are updated and which are created."""

from collections.abc import Sequence

from msgspec import UNSET

from tradepost.kit.ids import new_id
from tradepost.kit.operations.service import changed_members
from tradepost.kit.problems import AlreadyExists

from ...formats.update_scope import MemberScope
from ...models import VariantRow
from ...resource import variants as variant_resource
from ...schemas import VariantInput
from ..variants import MAX_VARIANTS, generated_name, too_many_variants, variant_values
from .existing import Values
from .variant_matches import find_variants


class VariantPlan:
    """The variants of a product before and after an upsert. Omitted variants stay.

    created: values of the new variants.
    changed: pairs of the values before and after.
    final_rows: all variants after the upsert.
    quantities: the stock quantities in the input, by the ids of the variants.
    others: the SKUs of the existing variants that no input has.
    parked: ids of variants whose SKU or options another variant of the product takes over. The
        unique constraints apply to each row on its own, so these give up both first.
    """

    __slots__ = ("changed", "created", "final_rows", "others", "parked", "quantities")

    def __init__(
        self,
        product_id: str,
        current: Sequence[Values],
        variants: Sequence[VariantInput],
        scopes: Sequence[MemberScope],
        match_by_options: bool,
    ) -> None:
        inputs = [variant_values(variant) for variant in variants]
        matches = find_variants(current, inputs, scopes) if match_by_options else _by_sku(current, inputs)
        updates = [
            (before, before | _changes(before, values, variant, scope))
            for before, values, variant, scope in zip(matches, inputs, variants, scopes, strict=True)
            if before is not None
        ]
        self.changed = [(before, after) for before, after in updates if before != after]
        kept = {row["id"]: row for row in current} | {after["id"]: after for _, after in updates}
        self.created = [new for before, new in zip(matches, inputs, strict=True) if before is None]
        if len(kept) + len(self.created) > MAX_VARIANTS:
            raise too_many_variants(len(kept) + len(self.created))
        last = max([row["position"] for row in kept.values()], default=-1)
        for i, new in enumerate(self.created):
            new |= {
                "id": new_id(VariantRow.__number__),
                "product_id": product_id,
                "position": new.get("position", last + 1 + i),
            }
        self.final_rows = [*kept.values(), *self.created]
        self.quantities: dict[str, int] = {
            (before or new)["id"]: quantity
            for before, new in zip(matches, inputs, strict=True)
            if (quantity := new.get("imported_quantity")) is not None
        }
        matched = {before["id"] for before, _ in updates}
        self.others = [row["sku"] for row in current if row["id"] not in matched]
        self.parked = _parked(self.changed)
        _check_unique("sku", [row["sku"] for row in (*[after for _, after in updates], *self.created)])
        _check_unique("options", [row["options_key"] for row in self.final_rows])

    @property
    def new_skus(self) -> list[str]:
        """The SKUs that the product did not have before."""
        return [new["sku"] for new in self.created] + [
            after["sku"] for before, after in self.changed if before["sku"] != after["sku"]
        ]

    @property
    def changed_names(self) -> dict[str, list[str]]:
        """The names of the members that change, by the ids of the variants."""
        return {
            before["id"]: changed_members(variant_resource, [n for n, value in after.items() if before[n] != value])
            for before, after in self.changed
        }


def _changes(before: Values, values: Values, variant: VariantInput, scope: MemberScope) -> Values:
    """Return the column values that an input changes in an existing variant.

    A name that was generated follows the options.
    """
    changes = scope.values(before, values)
    if variant.name is UNSET or "name" not in scope.members:
        changes.pop("name", None)
        if "options" in changes and before["name"] == generated_name(before["options"]):
            changes["name"] = generated_name(changes["options"])
    return changes


def _by_sku(current: Sequence[Values], inputs: Sequence[Values]) -> list[Values | None]:
    """Return the current variant of each input: the one with its SKU."""
    by_sku = {row["sku"]: row for row in current}
    return [by_sku.get(new["sku"]) for new in inputs]


def _parked(changed: Sequence[tuple[Values, Values]]) -> list[str]:
    ids: list[str] = []
    for name in ("sku", "options_key"):
        moves = [(before, after) for before, after in changed if before[name] != after[name]]
        taken = {after[name] for _, after in moves}
        ids += [before["id"] for before, _ in moves if before[name] in taken]
    return ids


def _check_unique(field: str, values: Sequence[str]) -> None:
    """Raise AlreadyExists if two variants of the product would have the same value."""
    if len(set(values)) < len(values):
        raise AlreadyExists(f"This `{field}` is already in use.", field=field)
