"""The OpenAPI documents agree with the registry, and their examples with their schemas."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
import pytest

from tradepost.app import TradepostApp, create_app
from tradepost.areas.accounts.openapi_text import AUTHENTICATION_GUIDE
from tradepost.areas.accounts.password_rules import RULES
from tradepost.areas.accounts.policy import PERMISSIONS
from tradepost.doors.graphql.http.endpoint import build_schema
from tradepost.kit.auth.credential_headers import CREDENTIAL_HEADERS
from tradepost.kit.resource.resource import ACTIONS
from tradepost.settings import Settings

from .openapi_document import Json, closed, operations, parameters, references, resolve_reference, validator

pytestmark = pytest.mark.once  # the documents do not depend on the database

FIXED_PATHS = {"entry", "document", "health_live", "health_ready"}
"""Operations of the document that are not in the registry."""
TOKEN = "token_grant"
"""The token endpoint: RFC 6749 defines its form body and its errors."""
WEBHOOK = "provider_event"
"""Its body has the form of the payment provider that sends it."""
UNVERSIONED = {"/health/live", "/health/ready"}


def test_every_operation_of_the_registry_is_in_the_document_once(document: Json, shop: TradepostApp) -> None:
    counts = Counter(o["operationId"] for _, _, o in operations(document))
    assert set(counts) - FIXED_PATHS == {
        n for n, o in shop.state.registry.operations.items() if o.is_exposed_at("rest")
    }
    assert set(counts.values()) == {1}


def test_every_path_begins_with_the_version(document: Json) -> None:
    prefix = f"/v{document['info']['version']}"
    assert [p for p in document["paths"] if p not in UNVERSIONED and not re.match(f"{prefix}(/|$)", p)] == []


def test_every_problem_that_an_operation_declares_is_one_of_its_responses(document: Json, shop: TradepostApp) -> None:
    documented = {o["operationId"]: codes(document, o) for _, _, o in operations(document)}
    for name, operation in shop.state.registry.operations.items():
        if operation.is_exposed_at("rest"):
            # RFC 6749, 5.2: an invalid form is `invalid_request`, with status 400.
            declared = {(kind.status, kind.code) for kind in operation.problems if name != TOKEN or kind.status != 422}
            assert declared <= documented[name], name


def test_every_operation_documents_401_and_500(document: Json) -> None:
    for path, _, operation in operations(document):
        assert {
            (401, "invalid_client" if operation["operationId"] == TOKEN else "unauthenticated"),
            (500, "internal"),
        } <= codes(document, operation), path


def codes(document: Json, operation: Json) -> set[tuple[int, str]]:
    """Return status and code of each problem of an operation."""
    codes: set[tuple[int, str]] = set()
    for status, response in operation["responses"].items():
        content = resolve_reference(document, response).get("content", {})
        media_types = [content.get(media, {}) for media in ("application/problem+json", "application/json")]
        examples = [example for media in media_types for example in media.get("examples", {}).values()]
        values = [resolve_reference(document, example)["value"] for example in examples]
        codes |= {(int(status), value.get("code") or value.get("error")) for value in values if int(status) >= 400}
    return codes


def test_every_operation_names_the_permission_that_it_needs(document: Json, shop: TradepostApp) -> None:
    for _, _, documented in operations(document):
        operation = shop.state.registry.operations.get(documented["operationId"])
        permission = operation.access.permission if operation else None
        assert documented.get("x-permission") == permission
        scopes = [permission] if permission else []
        schemes = [{scheme: scopes} for scheme in ("apiKey", "bearer", "oauth2")]
        security = [{}] if documented["operationId"] == TOKEN else [*([] if permission else [{}]), *schemes]
        if operation is not None and operation.accepts_cart_token and not permission:
            security.append({"cartToken": []})
        assert documented["security"] == security


def test_every_header_with_a_credential_has_a_security_scheme(document: Json) -> None:
    schemes = document["components"]["securitySchemes"].values()
    named = {s["name"] for s in schemes if s["type"] == "apiKey" and s["in"] == "header"}
    assert named | {"Authorization"} == set(CREDENTIAL_HEADERS)
    assert any(s["type"] == "http" and s["scheme"] == "bearer" for s in schemes)
    assert document["components"]["headers"]["Vary"]["example"].endswith(", ".join(CREDENTIAL_HEADERS))


def test_the_oauth_flows_name_the_token_endpoint_and_every_permission(document: Json) -> None:
    for flow in document["components"]["securitySchemes"]["oauth2"]["flows"].values():
        assert document["paths"][flow["tokenUrl"]]["post"]["operationId"] == TOKEN
        assert flow["refreshUrl"] == flow["tokenUrl"]
        assert set(flow["scopes"]) == PERMISSIONS
    assert set(document["components"]["securitySchemes"]["oauth2"]["flows"]) == {"password", "clientCredentials"}


def test_the_description_has_the_authentication_guide_and_the_password_rules(document: Json) -> None:
    assert AUTHENTICATION_GUIDE in document["info"]["description"]
    assert RULES in document["info"]["description"]


def test_every_member_and_relation_names_the_permission_that_it_needs(document: Json, shop: TradepostApp) -> None:
    for resource in shop.state.registry.resources.values():
        documented = {
            n: p.get("x-permission")
            for n, p in document["components"]["schemas"][resource.name]["properties"].items()
            if n != "links"
        }
        names = [n for n in (*resource.members, *resource.relations) if n != ACTIONS]
        assert documented == {n: resource.access(n).permission for n in names}


def test_every_filter_and_every_sort_key_of_a_list_is_a_parameter(document: Json, shop: TradepostApp) -> None:
    for _, _, documented in operations(document):
        operation = shop.state.registry.operations.get(documented["operationId"])
        if operation is not None and operation.kind == "list":
            known = {p["name"]: p for p in parameters(document, documented) if p["in"] == "query"}
            assert set(operation.result.filters) <= set(known)
            assert all(re.fullmatch(known["sort"]["schema"]["pattern"], f"-{key}") for key in operation.result.sorts)


def test_page_numbers_are_deprecated_in_version_1_and_removed_in_version_2(document: Json) -> None:
    numbered = [
        p for _, _, o in operations(document) for p in parameters(document, o) if p["name"] in ("page", "page_size")
    ]
    assert all(p["deprecated"] for p in numbered)
    assert bool(numbered) == (document["info"]["version"] == "1")


def test_every_reference_has_a_target(document: Json) -> None:
    for ref in set(references(document)):
        assert resolve_reference(document, {"$ref": ref})


def test_no_member_of_a_resource_is_required_because_fields_may_leave_it_out(
    document: Json, shop: TradepostApp
) -> None:
    for name in shop.state.registry.resources:
        assert "required" not in document["components"]["schemas"][name]


def test_inputs_forbid_unknown_members(document: Json, shop: TradepostApp) -> None:
    known = [o for _, _, o in operations(document) if o["operationId"] not in (TOKEN, WEBHOOK)]
    bodies = [
        resolve_reference(document, m["schema"])
        for o in known
        for m in o.get("requestBody", {}).get("content", {}).values()
    ]
    assert [b for b in bodies if b["type"] == "object" and b.get("additionalProperties") is not False] == []


def test_every_example_is_valid_by_its_schema(document: Json) -> None:
    count, closed_document = 0, closed(document)
    validator_of = cache(lambda text: validator(closed_document, msgspec.json.decode(text)))
    for schema, value, place in examples_with_schemas(document):
        errors = [
            f"{place} at {'/'.join(map(str, error.instance_path))}: {error.message}"
            for error in validator_of(msgspec.json.encode(schema)).iter_errors(value)
        ]
        assert errors == []
        count += 1
    assert count > 100


def examples_with_schemas(document: Json) -> list[tuple[Json, Any, str]]:
    """Return schema, example and place of every example in the document."""
    examples = [
        (p["schema"], p["example"], n)
        for n, p in {**document["components"]["parameters"], **document["components"]["headers"]}.items()
    ]
    for path, method, operation in operations(document):
        holders: list[Mapping[str, Any]] = [
            operation.get("requestBody", {}),
            *(resolve_reference(document, r) for r in operation["responses"].values()),
        ]
        media = [m for holder in holders for m in holder.get("content", {}).values()]
        examples += [
            (m["schema"], resolve_reference(document, e)["value"], f"{method} {path}")
            for m in media
            for e in m.get("examples", {}).values()
        ]
    members = [
        (m, f"{n}.{k}")
        for n, s in document["components"]["schemas"].items()
        for k, m in s.get("properties", {}).items()
    ]
    return examples + [(m, example, name) for m, name in members for example in m.get("examples", ())]


def test_no_example_only_repeats_the_name_of_its_member(document: Json) -> None:
    placeholders = [
        f"{name}: {member}"
        for name, example in document["components"]["examples"].items()
        for member in placeholder_members(example["value"])
    ]
    assert placeholders == [], "these members need an example in their schemas.py: Meta(examples=[...])"


def placeholder_members(value: Any) -> list[str]:
    """Return the members whose example is only their name."""
    if isinstance(value, list):
        return [member for part in value for member in placeholder_members(part)]
    if not isinstance(value, dict):
        return []
    return [n for n, v in value.items() if v == n.replace("_", " ")] + [
        member for v in value.values() for member in placeholder_members(v)
    ]


def test_every_member_of_a_problem_is_in_its_schema(document: Json) -> None:
    members = set(document["components"]["schemas"]["Problem"]["properties"])
    for example in document["components"]["examples"].values():
        if isinstance(example["value"], dict) and {"code", "status", "title"} <= set(example["value"]):
            assert set(example["value"]) <= members


@pytest.mark.parametrize("text", ["127.0.0.1", "localhost", "/tmp", "/work"])  # noqa: S108
def test_the_documents_name_no_host_and_no_folder_of_the_machine(text: str, contract: Mapping[str, bytes]) -> None:
    assert [name for name, content in contract.items() if text.encode() in content] == []


def test_two_apps_generate_the_same_documents(settings: Settings, contract: Mapping[str, bytes]) -> None:
    build_schema.cache_clear()  # apps of one process share it
    assert create_app(settings).state.contract() == contract


def test_with_require_if_match_writes_document_428(settings: Settings) -> None:
    strict = msgspec.json.decode(
        create_app(msgspec.structs.replace(settings, require_if_match=True)).state.contract()["openapi.json"]
    )
    assert (428, "precondition_required") in codes(strict, strict["paths"]["/v1/products/{key}"]["put"])
