"""The documents are kept in the repository: a change of the contract shows in a review, and a breaking one in the changelog.

`released/` holds those of the last release (`just release-contract` copies the present ones there).
"""

import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import graphql
import msgspec
import pytest

from .breaking import Comparison
from .conftest import HERE

NAMES = ["openapi.json", "openapi.v2.json", "schema.graphql"]
RELEASED = HERE / "released"
CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


@pytest.mark.parametrize("name", NAMES)
def test_the_kept_document_is_the_one_that_the_shop_makes(name: str, contract: Mapping[str, bytes]) -> None:
    same = (HERE / name).read_bytes() == contract[name]
    assert same, (
        f"tests/contract/{name} is not what the shop serves: `just export-contract`, then look at the difference"
    )


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_breaking_change_has_a_line_in_the_changelog(name: str, contract: Mapping[str, bytes]) -> None:
    breaks = Comparison(
        msgspec.json.decode((RELEASED / name).read_bytes()), msgspec.json.decode(contract[name])
    ).breaks()
    assert unexplained(breaks) == []


def test_a_breaking_change_of_the_schema_has_a_line_in_the_changelog(contract: Mapping[str, bytes]) -> None:
    old, new = (
        graphql.build_schema(text.decode())
        for text in ((RELEASED / "schema.graphql").read_bytes(), contract["schema.graphql"])
    )
    breaks = [
        f"{found.description.split()[0]}: {found.description}" for found in graphql.find_breaking_changes(old, new)
    ]
    assert unexplained(breaks) == []


def unexplained(breaks: Any) -> list[str]:
    """The breaks whose operation (or type) is not named, in backticks, under `Unreleased` in CHANGELOG.md."""
    unreleased = CHANGELOG.read_text().partition("## Unreleased")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w.]+)`", unreleased))
    return [said for said in breaks if said.partition(":")[0] not in named]


def remove_operation(document: Any) -> None:
    del document["paths"]["/v1/tags"]


def remove_parameter(document: Any) -> None:
    del document["paths"]["/v1/tags"]["get"]["parameters"][1]


def require_parameter(document: Any) -> None:
    document["components"]["parameters"]["Limit"]["required"] = True


def remove_member(document: Any) -> None:
    del document["components"]["schemas"]["Product"]["properties"]["name"]


def remove_input(document: Any) -> None:
    del document["components"]["schemas"]["VariantInput"]["properties"]["barcode"]


def require_input(document: Any) -> None:
    document["components"]["schemas"]["ProductCreate"]["required"].append("slug")


def change_type(document: Any) -> None:
    document["components"]["schemas"]["Product"]["properties"]["version"] = {"type": "string"}


def make_nullable(document: Any) -> None:
    document["components"]["schemas"]["Variant"]["properties"]["sku"] = {
        "anyOf": [{"type": "string"}, {"type": "null"}]
    }


def remove_value(document: Any) -> None:
    document["components"]["schemas"]["ProductStatus"]["enum"].remove("archived")


def remove_media(document: Any) -> None:
    del document["paths"]["/v1/products"]["post"]["requestBody"]["content"]["application/msgpack"]


@pytest.mark.parametrize(
    ("change", "operation", "said"),
    [
        (remove_operation, "tag_list", "the operation is gone"),
        (remove_parameter, "tag_list", "the parameter `limit` is gone"),
        (require_parameter, "tag_list", "the parameter `limit` has become required"),
        (remove_member, "product_get", "the answer no longer has `name`"),
        (remove_input, "variant_create", "the body no longer has `barcode`"),
        (require_input, "product_create", "the body now needs `slug`"),
        (change_type, "product_get", "`version` of the answer was `integer` and is `string`"),
        (make_nullable, "variant_get", "`sku` of the answer was `string` and is `null`, `string`"),
        (remove_value, "product_create", "`status` of the body no longer knows `archived`"),
        (remove_media, "product_create", "a body in `application/msgpack` is no longer read"),
    ],
)
def test_a_break_is_seen(
    change: Callable[[Any], None], operation: str, said: str, contract: Mapping[str, bytes]
) -> None:
    old = msgspec.json.decode(contract["openapi.json"])
    new = copy.deepcopy(old)
    change(new)
    assert f"{operation}: {said}" in list(Comparison(old, new).breaks())


def test_what_is_added_breaks_nothing(contract: Mapping[str, bytes]) -> None:
    old = msgspec.json.decode(contract["openapi.json"])
    new = copy.deepcopy(old)
    new["components"]["schemas"]["Product"]["properties"]["colour"] = {"type": "string"}
    new["components"]["schemas"]["ProductInput"]["properties"]["colour"] = {"type": "string"}
    new["paths"]["/v1/colours"] = {"get": {"operationId": "colour_list", "responses": {}}}
    assert list(Comparison(old, new).breaks()) == []
