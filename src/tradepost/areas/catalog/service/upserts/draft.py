"""One product of an upsert: as it is to be, beside the one that is there. Nothing here asks the database."""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from tradepost.kit.ids import new_id
from tradepost.kit.problems import Problem

from ...models import MediaRow, ProductRow
from ...schemas import ProductCreate
from ..products import category_not_found, check_category_count, price_from_values, product_values
from ..search_document import SEARCHED_MEMBERS, document_of
from .existing import Existing, Values
from .variants import VariantPlan

# A change of one of these changes the words that a product is found by.


class PlannedUpsert:
    """A product as it is to be. `was` is the one that is there; `changed` names what differs, `problem` says why nothing is to be done."""

    variants: VariantPlan

    def __init__(self, new: ProductCreate, was: Values | None) -> None:
        self.input, self.current = new, was
        self.id: str = new_id(ProductRow.__number__) if was is None else was["id"]
        self.values = product_values(new)
        self.changed: list[str] = [] if was is None else [n for n, v in self.values.items() if was[n] != v]
        self.added_categories, self.removed_categories = set[str](), set[str]()
        self.added_media, self.changed_media, self.removed_media = (
            list[Values](),
            list[tuple[Values, Values]](),
            list[str](),
        )
        self.problem: Problem | None = None

    def compare(self, present: Existing, by_options: bool) -> None:
        """Finds out what differs in all that belongs to the product."""
        try:
            self._place(present.categories.get(self.id, set()))
            self.variants = VariantPlan(self.id, present.variants.get(self.id, ()), self.input.variants, by_options)
            self._illustrate(present.media.get(self.id, ()))
        except Problem as problem:
            self.problem = problem
            return
        self.values |= price_from_values([(v["price_amount"], v["price_currency"]) for v in self.variants.final_rows])
        if (was := self.current) is not None:
            self.changed += ["categories"] if self.added_categories or self.removed_categories else []
            self.changed += ["price_from"] if any([was[n] != self.values[n] for n in price_from_values([])]) else []
            self.changed += ["media"] if self.added_media or self.changed_media or self.removed_media else []

    def check_categories(self, known: set[str]) -> None:
        """Refuses categories that there are not."""
        if unknown := sorted(self.added_categories - known):
            main: str | None = self.values["category_id"]
            self.problem = (
                category_not_found("/category_id", main)
                if main is not None and main in unknown
                else category_not_found("/category_ids", unknown[0])
            )

    def is_identified_by(self, reference: str | None, slug: str | None) -> bool:
        """Whether its input means the product of this reference or slug."""
        return (reference is not None and self.input.external_reference == reference) or self.input.slug == slug

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to write."""
        return self.current is None or bool(self.changed or self.variants.created or self.variants.changed)

    @property
    def search_row(self) -> Values | None:
        """The row of its words, where they may have changed."""
        if self.current is not None and not self.variants.new_skus and SEARCHED_MEMBERS.isdisjoint(self.changed):
            return None
        v = self.values
        return {"id": self.id} | document_of(
            v["name"], [x["sku"] for x in self.variants.final_rows], v["tags"], v["description"]
        )

    def event(self) -> tuple[str, str, dict[str, Any]]:
        """What is announced of it."""
        if self.current is None:
            return "product.created", self.id, {"variants": self.variants.event_ids["created"]}
        return "product.updated", self.id, {"changed": self.changed, "variants": self.variants.event_ids}

    def _place(self, present: set[str]) -> None:
        """Its categories: those given, or present where none are given, and the main one."""
        main, given = self.values["category_id"], self.input.category_ids
        wanted = (present if given is UNSET else {str(i) for i in given}) | ({main} if main else set[str]())
        check_category_count(wanted)
        self.added_categories, self.removed_categories = wanted - present, present - wanted

    def _illustrate(self, present: Sequence[Values]) -> None:
        """Its pictures, known by where they came from. One that the shop has fetched stays where it is not given any more."""
        given: Any = getattr(self.input, "media", UNSET)
        if given is UNSET:
            return
        known: dict[str | None, list[Values]] = {}
        for row in present:
            known.setdefault(row["source_url"], []).append(row)
        for position, picture in enumerate(given):
            url, values = picture.source_url, {"alt": picture.alt, "position": position}
            if alike := known.get(url):
                was = alike.pop(0)
                if was != (new := was | values):
                    self.changed_media.append((was, new))
            else:
                self.added_media.append(
                    values
                    | {"id": new_id(MediaRow.__number__), "product_id": self.id, "source_url": url, "status": "remote"}
                )
        self.removed_media = [row["id"] for rest in known.values() for row in rest if row["status"] == "remote"]
