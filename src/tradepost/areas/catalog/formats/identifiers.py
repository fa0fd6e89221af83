"""Slugs and SKUs from the texts of a file."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import xxhash

from tradepost.kit.ids import parse_id
from tradepost.kit.text.slugs import RESERVED_SLUGS, slugify

from ..schemas import SLUG_PATTERN
from .spool import Claims

MAX_SKU_LENGTH, MAX_SLUG_LENGTH = 100, 100


def slug_member(text: str) -> dict[str, Any]:
    """Return `{"slug": text}` if the text is a valid slug.

    Otherwise return nothing: a slug is then made from the product's name.
    """
    is_valid = (
        bool(re.fullmatch(SLUG_PATTERN, text))
        and len(text) <= MAX_SLUG_LENGTH
        and text not in RESERVED_SLUGS
        and parse_id(text) is None
    )
    return {"slug": text} if is_valid else {}


def generate_sku(claims: Claims, product: str, options: Mapping[str, str]) -> str:
    """Generate an unused SKU from slugs; a digest is added if they are not unique."""
    parts = [slugify(product, ""), *[slugify(value, "") for value in options.values()]]
    sku = "-".join([part for part in parts if part])[: MAX_SKU_LENGTH - 9].strip("-")
    if all(parts) and claims.claim_sku(sku):
        return sku
    digest = xxhash.xxh3_64_hexdigest(msgspec.json.encode([product, options], order="sorted"))
    sku = f"{sku}-{digest[:8]}".strip("-")
    while not claims.claim_sku(sku):
        sku += "x"
    return sku
