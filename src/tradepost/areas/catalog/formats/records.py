"""The product record: what every reader yields and every writer takes, in any file format."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from tradepost.kit.schema.validation import HttpUrl, SingleLineText

from ..schemas import BrandName, ProductCreate, VariantInput

MAX_URL_LENGTH = 2000

Url = Annotated[
    HttpUrl,
    Meta(max_length=MAX_URL_LENGTH, examples=["https://cdn.example.com/chair.jpg"]),
]
Alt = Annotated[SingleLineText, Meta(max_length=512, examples=["The chair from the side"])]
CategoryPath = Annotated[
    list[Annotated[SingleLineText, Meta(min_length=1, max_length=200)]],
    Meta(max_length=20, examples=[["Furniture", "Chairs"]]),
]


class MediaRecord(Struct, forbid_unknown_fields=True):
    """An image, still at its original URL. Without `alt`, an existing image keeps its text."""

    source_url: Url
    alt: Alt | UnsetType = UNSET


class VariantRecord(VariantInput, forbid_unknown_fields=True):
    """A variant, with the stock quantity in the file."""

    imported_quantity: Annotated[int, Meta(ge=-(2**31), lt=2**31)] | None = None


class ProductRecord(ProductCreate, forbid_unknown_fields=True):
    """A product as read from a file; a line of Tradepost NDJSON is this shape as JSON.

    brand: its name. The importer replaces it by `brand_id`.
    categories: paths of names from the root, the main category first. An empty path in first place
        means that there is no main category. The importer replaces them by `category_id` and
        `category_ids`.
    media: all its images in order; if absent, existing images are kept.
    """

    # Never assigned, so the narrower type is safe.
    variants: Annotated[  # pyright: ignore[reportIncompatibleVariableOverride]
        list[VariantRecord], Meta(max_length=100)
    ] = []
    brand: BrandName | None = None
    categories: Annotated[list[CategoryPath], Meta(max_length=100)] | UnsetType = UNSET
    media: Annotated[list[MediaRecord], Meta(max_length=100)] | UnsetType = UNSET
