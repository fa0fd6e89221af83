"""The variants of an upsert: which are changed and which are new. Those that are not given stay."""

from collections.abc import Sequence
from typing import Any

from tradepost.kit.ids import new_id
from tradepost.kit.problems import AlreadyExists

from ...models import VariantRow
from ...schemas import VariantInput
from ..variants import MAX_VARIANTS, too_many_variants, variant_values

type Values = dict[str, Any]


class VariantPlan:
    """The variants of one product as they are to be, beside those that are there.

    `changed` holds pairs of what was and what is to be, `parked` the ids of those whose place another one of the same product takes.
    """

    __slots__ = ("changed", "created", "final_rows", "parked")

    def __init__(
        self, product_id: str, present: Sequence[Values], given: Sequence[VariantInput], by_options: bool
    ) -> None:
        inputs = [variant_values(new) for new in given]
        known = _known(present, inputs, by_options)
        merged = [(was, was | new) for was, new in zip(known, inputs, strict=True) if was is not None]
        self.changed = [(was, new) for was, new in merged if was != new]
        stay = dict(zip([v["id"] for v in present], present, strict=True)) | {new["id"]: new for _, new in merged}
        self.created = [new for was, new in zip(known, inputs, strict=True) if was is None]
        if len(stay) + len(self.created) > MAX_VARIANTS:
            raise too_many_variants(len(stay) + len(self.created))
        last = max([v["position"] for v in stay.values()], default=-1)
        for i, new in enumerate(self.created):
            new |= {
                "id": new_id(VariantRow.__number__),
                "product_id": product_id,
                "position": new.get("position", last + 1 + i),
            }
        self.final_rows = [*stay.values(), *self.created]
        self.parked = _parked(present, self.changed)
        _check("sku", [new["sku"] for new in inputs])
        _check("options", [v["options_key"] for v in self.final_rows])

    @property
    def new_skus(self) -> list[str]:
        """The SKUs that the product did not have."""
        return [v["sku"] for v in self.created] + [new["sku"] for was, new in self.changed if was["sku"] != new["sku"]]

    @property
    def event_ids(self) -> dict[str, list[str]]:
        """Which were made and which changed, for the event."""
        return {"created": [v["id"] for v in self.created], "updated": [v["id"] for v, _ in self.changed]}


def _known(present: Sequence[Values], inputs: Sequence[Values], by_options: bool) -> list[Values | None]:
    """The present variant of each input: by its SKU, else, where that is asked for, one of the same options that no other input names."""
    by_sku = {v["sku"]: v for v in present}
    if not by_options:
        return [by_sku.get(new["sku"]) for new in inputs]
    named = {new["sku"] for new in inputs}
    alike = {v["options_key"]: v for v in present if v["sku"] not in named}
    return [by_sku.get(new["sku"]) or alike.pop(new["options_key"], None) for new in inputs]


def _parked(present: Sequence[Values], changed: Sequence[tuple[Values, Values]]) -> list[str]:
    """The variants that give up a SKU or options which another one of the product takes: rows are changed one after another."""
    out: list[str] = []
    for name in ("sku", "options_key"):
        moved = [(was, new) for was, new in changed if was[name] != new[name]]
        taken = {new[name] for _, new in moved}
        out += [was["id"] for was, _ in moved if was[name] in taken]
    return out


def _check(field: str, values: Sequence[str]) -> None:
    """Refuses what two variants of a product would share."""
    if len(set(values)) < len(values):
        raise AlreadyExists(f"Another row has this `{field}`.", field=field)
