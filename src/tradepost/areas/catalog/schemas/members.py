"""Field types that several wire types share: limits, descriptions and examples."""

from typing import Annotated, Any

from msgspec import Meta

from tradepost.kit.schema.fault_texts import described_pattern
from tradepost.kit.schema.money import MAX_AMOUNT, Money
from tradepost.kit.schema.validation import END_OF_TEXT, Code, MultilineText, SingleLineText

SLUG_PATTERN = described_pattern(
    "^[a-z0-9]+(-[a-z0-9]+)*" + END_OF_TEXT, "lower-case letters and digits joined by hyphens, such as `oak-chair`"
)

Slug = Annotated[
    str,
    Meta(
        pattern=SLUG_PATTERN,
        max_length=100,
        description="Lower-case words joined by hyphens. It cannot be a UUID.",
        examples=["oak-chair"],
    ),
]
Name = Annotated[SingleLineText, Meta(min_length=1, max_length=200, examples=["Oak chair"])]
CategoryName = Annotated[Name, Meta(examples=["Chairs"])]
BrandName = Annotated[Name, Meta(examples=["Kjeld & Son"])]
Description = Annotated[
    MultilineText,
    Meta(
        max_length=20_000,
        description="Plain text or HTML. Escape or sanitize it before you display it.",
        examples=["Solid oak, oiled by hand."],
    ),
]
CategoryDescription = Annotated[Description, Meta(examples=["For the table, the desk and the balcony."])]
BrandDescription = Annotated[Description, Meta(examples=["Furniture from a workshop in Aarhus."])]
Sku = Annotated[
    Code,
    Meta(
        min_length=1,
        max_length=100,
        description="Stock keeping unit, unique across all products.",
        examples=["CHAIR-OAK-01"],
    ),
]
Tag = Annotated[str, Meta(pattern=SLUG_PATTERN, max_length=60, examples=["outdoor"])]
Tags = Annotated[list[Tag], Meta(max_length=100, description="Unique lower-case slugs.")]
Attributes = Annotated[
    dict[str, Any],
    Meta(description="Any JSON object. Its keys are returned unchanged.", examples=[{"material": "oak"}]),
]
Options = Annotated[
    dict[
        Annotated[SingleLineText, Meta(min_length=1, max_length=60)],
        Annotated[SingleLineText, Meta(min_length=1, max_length=200)],
    ],
    Meta(
        max_length=10,
        description="The options that distinguish this variant from the others of its product.",
        examples=[{"size": "M", "colour": "red"}],
    ),
]
Reference = Annotated[
    Code,
    Meta(min_length=1, max_length=200, description="Its id in an external system.", examples=["ERP-10482"]),
]
Source = Annotated[
    dict[str, Any] | None, Meta(description="Imported data that has no field of its own. Needs `catalog:write`.")
]
TaxClass = Annotated[
    str,
    Meta(
        pattern=described_pattern(
            "^[a-z0-9_-]{1,40}" + END_OF_TEXT, "1 to 40 lower-case letters, digits, hyphens and underscores"
        ),
        examples=["standard"],
    ),
]
Grams = Annotated[int, Meta(ge=0, le=100_000_000, description="Weight in grams.", examples=[6200])]
LowStockThreshold = Annotated[
    Annotated[int, Meta(ge=0, le=1_000_000_000)] | None,
    Meta(
        description="At this quantity or below, the stock is low. Null: the shop's usual threshold. "
        "Needs `catalog:write`.",
        examples=[10],
    ),
]
RequiresShipping = Annotated[
    bool, Meta(description="False for what is not sent: services, downloads, gift cards by e-mail.", examples=[True])
]
WithdrawalExcluded = Annotated[
    bool,
    Meta(
        description="Whether the right of withdrawal does not apply (EU: made to measure, perishable, unsealed).",
        examples=[False],
    ),
]
Barcode = Annotated[Code, Meta(max_length=60, description="GTIN, EAN or any other code.", examples=["4006381333931"])]
Price = Annotated[
    Money,
    Meta(description="In the currency of the shop, the only one.", examples=[{"amount": 14900, "currency": "EUR"}]),
]
MAX_PRICE = 4_000_000_000
"""Minor units, so that the total of an order stays below 2^53."""
PRICE_LIMIT = f"At most {MAX_PRICE:,} minor units."
PriceInput = Annotated[
    Money,
    Meta(
        description=f"In the currency of the shop, the only one. {PRICE_LIMIT}",
        examples=[{"amount": 14900, "currency": "EUR"}],
        extra_json_schema={"properties": {"amount": {"maximum": MAX_PRICE}}},
    ),
]
"""A price in an input. Prices from before the limit can still be read."""
Position = Annotated[
    int, Meta(ge=0, le=1_000_000, description="Sort position among its siblings, in ascending order.", examples=[1])
]

FileSize = Annotated[int, Meta(ge=0, le=MAX_AMOUNT, extra_json_schema={"format": "int64"})]
Pixels = Annotated[int, Meta(ge=1)]

SHA256_EXAMPLE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
