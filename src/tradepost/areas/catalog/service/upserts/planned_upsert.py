"""The plan of one upsert: an input compared with the existing product. Runs no SQL."""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from tradepost.kit.ids import new_id
from tradepost.kit.problems import Problem
from tradepost.kit.writes.call_context import CallContext

from ...formats.update_scope import UpdateScope
from ...models import MediaRow, ProductRow
from ...resource import brands, categories
from ...schemas import ProductCreate
from ..events import product_created, product_updated
from ..products import check_category_count, product_values
from ..search_document import SEARCHED_MEMBERS, document_of, price_from_values
from .existing import Existing, Values
from .variant_plan import VariantPlan


class PlannedUpsert:
    """The rows that an upsert will write.

    scope: the members that the input changes, if the product exists.
    current: the existing product, or None if the input creates one.
    values: the column values after the upsert.
    changed: names of the columns and members that differ from `current`.
    problem: why the product cannot be written, or None.
    """

    variants: VariantPlan

    def __init__(self, input: ProductCreate, scope: UpdateScope, current: Values | None) -> None:
        self.input, self.scope, self.current = input, scope, current
        self.id: str = new_id(ProductRow.__number__) if current is None else current["id"]
        new = product_values(input)
        # What the input does not change keeps its value; all of a new product is the input's.
        new = new if current is None else scope.product.values(current, new)
        self.values = (current or {}) | new
        self.changed: list[str] = (
            [] if current is None else [name for name, value in new.items() if current[name] != value]
        )
        self.added_categories, self.removed_categories = set[str](), set[str]()
        self.added_media: list[Values] = []
        self.changed_media: list[tuple[Values, Values]] = []
        self.removed_media: list[str] = []
        self.problem: Problem | None = None

    def compare(self, existing: Existing, match_by_options: bool) -> None:
        """Compare everything that belongs to the product; a refusal is stored as `problem`."""
        try:
            self._compare_categories(existing.categories.get(self.id, set()))
            self.variants = VariantPlan(
                self.id, existing.variants.get(self.id, ()), self.input.variants, self.scope.variants, match_by_options
            )
            if self.images is not None:
                self._compare_media(self.images, existing.media.get(self.id, ()))
        except Problem as problem:
            self.problem = problem
            return
        self.values |= price_from_values([(v["price_amount"], v["price_currency"]) for v in self.variants.final_rows])
        if (current := self.current) is not None:
            price_changed = any([current[name] != self.values[name] for name in price_from_values([])])
            self.changed += ["categories"] if self.added_categories or self.removed_categories else []
            self.changed += ["price_from"] if price_changed else []
            self.changed += ["media"] if self.added_media or self.changed_media or self.removed_media else []

    def check_categories(self, known: set[str]) -> None:
        """Set `problem` if an added category is not in `known`, the ids that exist."""
        if unknown := sorted(self.added_categories - known):
            main: str | None = self.values["category_id"]
            self.problem = (
                categories.reference_not_found("/category_id", main)
                if main is not None and main in unknown
                else categories.reference_not_found("/category_ids", unknown[0])
            )

    @property
    def new_brand(self) -> str | None:
        """The brand that the product did not have before, or None."""
        before = None if self.current is None else self.current["brand_id"]
        return None if self.values["brand_id"] == before else self.values["brand_id"]

    def check_brand(self, known: set[str]) -> None:
        """Set `problem` if the new brand is not in `known`, the ids that exist."""
        if (brand := self.new_brand) is not None and brand not in known:
            self.problem = brands.reference_not_found("/brand_id", brand)

    @property
    def other_variants(self) -> list[str]:
        """The SKUs of the existing variants that the input does not have."""
        return self.variants.others if self.input.variants else []

    def is_identified_by(self, reference: str | None, slug: str | None) -> bool:
        """Whether the input addresses the product with this external reference or slug."""
        return (reference is not None and self.input.external_reference == reference) or self.input.slug == slug

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to write."""
        return self.current is None or bool(self.changed or self.variants.created or self.variants.changed)

    @property
    def search_row(self) -> Values | None:
        """The row of the search document, or None if it did not change."""
        if self.current is not None and not self.variants.new_skus and SEARCHED_MEMBERS.isdisjoint(self.changed):
            return None
        values, skus = self.values, [v["sku"] for v in self.variants.final_rows]
        return {"id": self.id} | document_of(values["name"], skus, values["tags"], values["description"])

    def emit(self, context: CallContext) -> None:
        """Emit the events of the product and its variants."""
        created = [new["id"] for new in self.variants.created]
        if self.current is None:
            product_created(context, self.id, created)
        else:
            product_updated(context, self.id, self.changed, created, self.variants.changed_names)

    @property
    def images(self) -> Sequence[Any] | None:
        """The images of the input; None if the product keeps those that it has."""
        images: Any = getattr(self.input, "media", UNSET)
        return images if images is not UNSET and self._changes("media") else None

    def _changes(self, member: str) -> bool:
        """Whether the input decides about a member."""
        return self.current is None or member in self.scope.product.members

    def _compare_categories(self, current: set[str]) -> None:
        """Compare the categories. Unless the input has `category_ids`, the current ones stay."""
        main, ids = self.values["category_id"], self.input.category_ids
        if not self._changes("category_ids") or ids is UNSET:
            left = self.current["category_id"] if self.current and self.scope.replaces_main_category else None
            target = current - {left}
        else:
            target = {str(i) for i in ids}
        target |= {main} if main else set[str]()
        check_category_count(target)
        self.added_categories, self.removed_categories = target - current, current - target

    def _compare_media(self, images: Sequence[Any], current: Sequence[Values]) -> None:
        """Compare the images by source URL. Omitted images are removed unless already fetched."""
        by_url: dict[str | None, list[Values]] = {}
        for row in current:
            by_url.setdefault(row["source_url"], []).append(row)
        for position, image in enumerate(images):
            url, values = image.source_url, {"position": position}
            values |= {} if image.alt is UNSET else {"alt": image.alt}
            if same_url := by_url.get(url):
                before = same_url.pop(0)
                if before != (after := before | values):
                    self.changed_media.append((before, after))
            else:
                new = {"id": new_id(MediaRow.__number__), "product_id": self.id, "source_url": url, "status": "remote"}
                self.added_media.append({"alt": ""} | values | new)
        self.removed_media = [row["id"] for rest in by_url.values() for row in rest if row["status"] == "remote"]
