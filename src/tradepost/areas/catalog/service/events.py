"""Events of products and variants: the same ones for single writes, batches, upserts and imports.

A write of a product has one stored event, which lists the ids of its variants that changed.
Handlers in the transaction also get an event of each variant, as a write of that variant alone has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tradepost.kit.writes.call_context import CallContext


def product_created(context: CallContext, id: str, variant_ids: Sequence[str]) -> None:
    """Emit the events of a new product and its variants."""
    context.emit("product.created", id, variants=[*variant_ids])
    for variant_id in variant_ids:
        context.emit_to_handlers("variant.created", variant_id, product_id=id)


def product_updated(
    context: CallContext,
    id: str,
    changed: Sequence[str],
    created_variants: Sequence[str] = (),
    updated_variants: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Emit the events of a changed product.

    changed: the names of its members that changed.
    updated_variants: the same for each of its variants, by id.
    """
    updated = updated_variants or {}
    by_kind = {"created": [*created_variants], "updated": [*updated]}
    variants: dict[str, Any] = {"variants": by_kind} if any(by_kind.values()) else {}
    context.emit("product.updated", id, changed=[*changed], **variants)
    for variant_id in created_variants:
        context.emit_to_handlers("variant.created", variant_id, product_id=id)
    for variant_id, names in updated.items():
        context.emit_to_handlers("variant.updated", variant_id, product_id=id, changed=[*names])


def variants_deleted_with_product(context: CallContext, id: str, variant_ids: Sequence[str]) -> None:
    """Emit the events of the variants that are deleted with their product."""
    for variant_id in variant_ids:
        context.emit_to_handlers("variant.deleted", variant_id, product_id=id)


def quantities_imported(context: CallContext, quantities: Mapping[str, int], *, replaces_stock: bool) -> None:
    """Emit the stock quantities of a file, by the ids of the variants, to handlers only.

    replaces_stock: whether they replace the stock of variants that have stock already.
    """
    for variant_id, quantity in quantities.items():
        context.emit_to_handlers(
            "variant.quantity_imported", variant_id, quantity=quantity, replaces_stock=replaces_stock
        )
