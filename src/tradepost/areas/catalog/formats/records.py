"""What every reader yields and every writer takes, whatever the file looks like: one product with all that belongs to it."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from tradepost.kit.schema.validation import SingleLineText

from ..schemas import ProductCreate, VariantInput

MAX_URL_LENGTH = 2000

Url = Annotated[
    str,
    Meta(
        pattern="^https?://[^\\s\\x00-\\x1f\\x7f-\\x9f]+$",
        max_length=MAX_URL_LENGTH,
        examples=["https://cdn.example.com/chair.jpg"],
    ),
]
Alt = Annotated[SingleLineText, Meta(max_length=512, examples=["The chair from the side"])]
CategoryPath = Annotated[
    list[Annotated[SingleLineText, Meta(min_length=1, max_length=200)]],
    Meta(max_length=20, examples=[["Furniture", "Chairs"]]),
]


class MediaRecord(Struct, forbid_unknown_fields=True):
    """An image that still lies where the shop came from."""

    source_url: Url
    alt: Alt = ""


class VariantRecord(VariantInput, forbid_unknown_fields=True):
    """A variant, with its stock as the file told it."""

    imported_quantity: Annotated[int, Meta(ge=-(2**31), lt=2**31)] | None = None


class ProductRecord(ProductCreate, forbid_unknown_fields=True):
    """A product as a file tells it; a line of our own NDJSON is this shape as JSON.

    categories: paths of names from the root, the first the main one; an empty path in its place means that none is. They become `category_id` and
    `category_ids` before the product is written.
    media: all its images in their order; absent means that the file has none to say, and those present stay.
    """

    # Read and never assigned, so the narrower kind is safe.
    variants: Annotated[list[VariantRecord], Meta(max_length=100)] = []  # pyright: ignore[reportIncompatibleVariableOverride]
    categories: Annotated[list[CategoryPath], Meta(max_length=100)] | UnsetType = UNSET
    media: Annotated[list[MediaRecord], Meta(max_length=100)] | UnsetType = UNSET
