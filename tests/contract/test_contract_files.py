"""The contract documents are in the repository, and the changelog names every breaking change.

`released/` has the documents of the last release; `just release-contract` updates it.
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

pytestmark = pytest.mark.once  # the documents do not depend on the database

NAMES = ["openapi.json", "openapi.v2.json", "schema.graphql", "events.json"]
RELEASED = HERE / "released"
CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


@pytest.mark.parametrize("name", NAMES)
def test_the_document_in_the_repository_is_up_to_date(name: str, contract: Mapping[str, bytes]) -> None:
    is_same = (HERE / name).read_bytes() == contract[name]
    assert is_same, f"tests/contract/{name} is out of date: run `just export-contract` and review the difference"


@pytest.mark.parametrize("name", NAMES[:2])
def test_the_changelog_names_every_breaking_change_of_the_openapi_document(
    name: str, contract: Mapping[str, bytes]
) -> None:
    breaks = Comparison(
        msgspec.json.decode((RELEASED / name).read_bytes()), msgspec.json.decode(contract[name])
    ).breaks()
    assert unexplained(breaks) == []


def test_the_changelog_names_every_breaking_change_of_the_graphql_schema(contract: Mapping[str, bytes]) -> None:
    old, new = (
        graphql.build_schema(text.decode())
        for text in ((RELEASED / "schema.graphql").read_bytes(), contract["schema.graphql"])
    )
    changes = graphql.find_breaking_changes(old, new)
    breaks = [f"{coordinate(change.description)}: {change.description}" for change in changes]
    assert unexplained(breaks) == []


def unexplained(breaks: Any) -> list[str]:
    """Return the breaks whose operation or type is not under `Unreleased` in CHANGELOG.md."""
    unreleased = CHANGELOG.read_text().partition("## [Unreleased]")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w.]+)`", unreleased))
    return [line for line in breaks if line.partition(":")[0] not in named]


def coordinate(description: str) -> str:
    """Return the type or field that a description names first: `AuditEntry.role`, or `Receipt`."""
    words = description.split()
    return words[1] if words[0] in ("Field", "Argument", "Input") else words[0]


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
    ("change", "operation", "message"),
    [
        (remove_operation, "tag_list", "the operation is gone"),
        (remove_parameter, "tag_list", "the parameter `limit` is gone"),
        (require_parameter, "tag_list", "the parameter `limit` has become required"),
        (remove_member, "product_get", "the response no longer has `name`"),
        (remove_input, "variant_create", "the body no longer has `barcode`"),
        (require_input, "product_create", "the body now requires `slug`"),
        (change_type, "product_get", "`version` of the response was `integer` and is `string`"),
        (make_nullable, "variant_get", "`sku` of the response was `string` and is `null`, `string`"),
        (remove_value, "product_create", "`status` of the body no longer accepts `archived`"),
        (remove_media, "product_create", "a body in `application/msgpack` is no longer accepted"),
    ],
)
def test_a_breaking_change_is_found(
    change: Callable[[Any], None], operation: str, message: str, contract: Mapping[str, bytes]
) -> None:
    old = msgspec.json.decode(contract["openapi.json"])
    new = copy.deepcopy(old)
    change(new)
    assert f"{operation}: {message}" in list(Comparison(old, new).breaks())


def test_an_addition_is_not_a_breaking_change(contract: Mapping[str, bytes]) -> None:
    old = msgspec.json.decode(contract["openapi.json"])
    new = copy.deepcopy(old)
    new["components"]["schemas"]["Product"]["properties"]["colour"] = {"type": "string"}
    new["components"]["schemas"]["ProductInput"]["properties"]["colour"] = {"type": "string"}
    new["paths"]["/v1/colours"] = {"get": {"operationId": "colour_list", "responses": {}}}
    assert list(Comparison(old, new).breaks()) == []
