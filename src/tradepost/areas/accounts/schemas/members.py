"""Member types that several shapes share, with their limits, descriptions and examples."""

from typing import Annotated

from msgspec import Meta, Struct

from tradepost.kit.schema.fault_texts import described_pattern
from tradepost.kit.schema.validation import END_OF_TEXT, SECRET, SingleLineText

Email = Annotated[
    SingleLineText,
    Meta(min_length=3, max_length=254, description="An e-mail address, in lower case.", examples=["kim@shop.example"]),
]
Username = Annotated[
    str,
    Meta(
        pattern=described_pattern(
            "^[a-z0-9][a-z0-9._-]{2,39}" + END_OF_TEXT,
            "3 to 40 lower-case letters, digits, dots, hyphens and underscores, such as `kim.larsen`",
        ),
        max_length=40,
        description="A unique name, in lower case.",
        examples=["kim.larsen"],
    ),
]
FullName = Annotated[SingleLineText, Meta(max_length=200, examples=["Kim Larsen"])]
Password = Annotated[
    str,
    Meta(
        description="8 to 256 characters of any kind; common passwords are rejected. A passphrase of a few words is "
        "a good choice. There are no composition rules (NIST SP 800-63B).",
        examples=["seven grey herons asleep"],
        extra_json_schema={"format": "password"},
        extra=SECRET,
    ),
]
Secret = Annotated[str, Meta(max_length=512, extra=SECRET)]
Recipient = Annotated[
    SingleLineText,
    Meta(
        min_length=1,
        max_length=200,
        description="The name of the person or company at this address.",
        examples=["Kim Larsen"],
    ),
]
Line = Annotated[SingleLineText, Meta(min_length=1, max_length=200)]
LINES_DESCRIPTION = "The street address, and any other lines above the city."
LINES_EXAMPLE = ["Vestergade 12", "2. tv."]
Lines = Annotated[list[Line], Meta(min_length=1, max_length=4, description=LINES_DESCRIPTION, examples=[LINES_EXAMPLE])]
City = Annotated[SingleLineText, Meta(min_length=1, max_length=100, examples=["Aarhus"])]
Postcode = Annotated[
    SingleLineText, Meta(max_length=20, description="Empty if the country has no postcodes.", examples=["8000"])
]
Country = Annotated[
    str,
    Meta(
        pattern=described_pattern("^[A-Z]{2}" + END_OF_TEXT, "two capital letters, such as `DK`"),
        max_length=2,
        description="An ISO 3166-1 alpha-2 country code.",
        examples=["DK"],
    ),
]
Company = Annotated[
    SingleLineText,
    Meta(max_length=200, description="The company at this address, or an empty string.", examples=["Larsen ApS"]),
]
Region = Annotated[
    str,
    Meta(
        pattern=described_pattern("^[A-Z0-9]{1,3}" + END_OF_TEXT, "one to three capital letters or digits"),
        max_length=3,
        description="The second part of an ISO 3166-2 code, such as `CA` of `US-CA`.",
        examples=["CA"],
    ),
]
# 82 is the region Midtjylland of Denmark, the country of the other examples.
AddressRegion = Annotated[Region, Meta(examples=["82"])]
Phone = Annotated[
    str,
    Meta(
        pattern=described_pattern(
            r"^\+[1-9][0-9]{4,14}" + END_OF_TEXT, "`+`, the country code and the number, such as `+4587654321`"
        ),
        max_length=16,
        description="A phone number in E.164 format.",
        examples=["+4587654321"],
    ),
]


class PostalAddress(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The postal address of a cart or an order. Changes of an address book do not change it."""

    name: Recipient
    company: Company = ""
    lines: Annotated[
        list[Line], Meta(min_length=1, max_length=3, description=LINES_DESCRIPTION, examples=[LINES_EXAMPLE])
    ]
    city: City
    postcode: Postcode = ""
    region: AddressRegion | None = None
    country: Country
    phone: Phone | None = None


KeyName = Annotated[
    SingleLineText,
    Meta(min_length=1, max_length=100, description="The purpose of the key.", examples=["Warehouse scanner"]),
]
Scope = Annotated[
    str,
    Meta(
        pattern=described_pattern("^[a-z_]+:[a-z_]+" + END_OF_TEXT, "two words and a colon, such as `stock:read`"),
        max_length=50,
        examples=["catalog:write"],
    ),
]
Scopes = Annotated[list[Scope], Meta(max_length=50, examples=[["catalog:write", "stock:read"]])]
Points = Annotated[
    int,
    Meta(
        ge=1,
        le=1_000_000,
        description="A rate limit of the key in points per minute, in addition to its owner's. `null` for none.",
        examples=[300],
    ),
]
