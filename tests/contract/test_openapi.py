"""The OpenAPI documents say of every operation what the registry says, and what they show is valid by their own schemas."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from tradepost.app import TradepostApp, create_app
from tradepost.areas.accounts.openapi_text import AUTHENTICATION_GUIDE
from tradepost.areas.accounts.password_rules import RULES
from tradepost.areas.accounts.policy import PERMISSIONS
from tradepost.kit.resource.resource import ACTIONS
from tradepost.settings import Settings

from .reading import Json, operations, parameters, references, resolved, validator

AROUND = {"entry", "document", "health_live", "health_ready"}
TOKEN = "token_grant"
"""It speaks as RFC 6749 says: with a form, and errors of its own."""
UNVERSIONED = {"/health/live", "/health/ready"}


def test_every_operation_of_the_registry_stands_there_exactly_once(document: Json, shop: TradepostApp) -> None:
    found = Counter(o["operationId"] for _, _, o in operations(document))
    assert set(found) - AROUND == {n for n, o in shop.state.registry.operations.items() if o.stands("rest")}
    assert set(found.values()) == {1}


def test_every_path_carries_the_version(document: Json) -> None:
    prefix = f"/v{document['info']['version']}"
    assert [p for p in document["paths"] if p not in UNVERSIONED and not re.match(f"{prefix}(/|$)", p)] == []


def test_every_problem_that_an_operation_declares_is_an_answer_of_it(document: Json, shop: TradepostApp) -> None:
    said = {o["operationId"]: codes(document, o) for _, _, o in operations(document)}
    for name, operation in shop.state.registry.operations.items():
        if operation.stands("rest"):
            # A form that breaks its schema is `invalid_request` where RFC 6749 says so.
            declared = {(kind.status, kind.code) for kind in operation.problems if name != TOKEN or kind.status != 422}
            assert declared <= said[name], name


def test_a_bad_credential_and_a_fault_of_ours_can_happen_anywhere(document: Json) -> None:
    for path, _, operation in operations(document):
        assert {
            (401, "invalid_client" if operation["operationId"] == TOKEN else "unauthenticated"),
            (500, "internal"),
        } <= codes(document, operation), path


def codes(document: Json, operation: Json) -> set[tuple[int, str]]:
    """Status and code of the problems of an operation."""
    found: set[tuple[int, str]] = set()
    for status, response in operation["responses"].items():
        content = resolved(document, response).get("content", {})
        shown = [
            content.get(media, {}).get("examples", {}) for media in ("application/problem+json", "application/json")
        ]
        values = [resolved(document, example)["value"] for examples in shown for example in examples.values()]
        found |= {(int(status), value.get("code") or value.get("error")) for value in values if int(status) >= 400}
    return found


def test_the_permission_that_an_operation_needs_is_named(document: Json, shop: TradepostApp) -> None:
    for _, _, said in operations(document):
        operation = shop.state.registry.operations.get(said["operationId"])
        needed = operation.access.permission if operation else None
        assert said.get("x-permission") == needed
        scopes = [needed] if needed else []
        ways = [{scheme: scopes} for scheme in ("apiKey", "bearer", "oauth2")]
        assert said["security"] == ([{}] if said["operationId"] == TOKEN else [*([] if needed else [{}]), *ways])


def test_the_token_endpoint_is_where_the_scheme_says_and_offers_every_permission(document: Json) -> None:
    for flow in document["components"]["securitySchemes"]["oauth2"]["flows"].values():
        assert document["paths"][flow["tokenUrl"]]["post"]["operationId"] == TOKEN
        assert flow["refreshUrl"] == flow["tokenUrl"]
        assert set(flow["scopes"]) == PERMISSIONS
    assert set(document["components"]["securitySchemes"]["oauth2"]["flows"]) == {"password", "clientCredentials"}


def test_the_document_tells_how_to_sign_in_and_which_passwords_are_taken(document: Json) -> None:
    assert AUTHENTICATION_GUIDE in document["info"]["description"]
    assert RULES in document["info"]["description"]


def test_the_permission_that_a_member_or_relation_needs_is_named(document: Json, shop: TradepostApp) -> None:
    for of in shop.state.registry.resources.values():
        shown = {
            n: p.get("x-permission")
            for n, p in document["components"]["schemas"][of.name]["properties"].items()
            if n != "links"
        }
        assert shown == {n: of.access(n).permission for n in (*of.own, *of.relations) if n != ACTIONS}


def test_every_filter_and_every_sort_key_of_a_list_is_a_parameter(document: Json, shop: TradepostApp) -> None:
    for _, _, said in operations(document):
        operation = shop.state.registry.operations.get(said["operationId"])
        if operation is not None and operation.kind == "list":
            known = {p["name"]: p for p in parameters(document, said) if p["in"] == "query"}
            assert set(operation.of.filters) <= set(known)
            assert all(re.fullmatch(known["sort"]["schema"]["pattern"], f"-{key}") for key in operation.of.sorts)


def test_page_numbers_are_in_version_1_only_and_deprecated_there(document: Json) -> None:
    numbered = [
        p for _, _, o in operations(document) for p in parameters(document, o) if p["name"] in ("page", "page_size")
    ]
    assert all(p["deprecated"] for p in numbered)
    assert bool(numbered) == (document["info"]["version"] == "1")


def test_every_reference_leads_somewhere(document: Json) -> None:
    for ref in set(references(document)):
        assert resolved(document, {"$ref": ref})


def test_no_member_of_a_resource_is_required_because_fields_may_leave_it_out(
    document: Json, shop: TradepostApp
) -> None:
    for name in shop.state.registry.resources:
        assert "required" not in document["components"]["schemas"][name]


def test_inputs_refuse_members_that_they_do_not_know(document: Json, shop: TradepostApp) -> None:
    known = [o for _, _, o in operations(document) if o["operationId"] != TOKEN]
    bodies = [
        resolved(document, m["schema"]) for o in known for m in o.get("requestBody", {}).get("content", {}).values()
    ]
    assert [b for b in bodies if b["type"] == "object" and b.get("additionalProperties") is not False] == []


def test_every_example_is_valid_by_the_schema_next_to_it(document: Json) -> None:
    seen = 0
    for schema, value, where in shown(document):
        faults = [
            f"{where} at {'/'.join(map(str, fault.instance_path))}: {fault.message}"
            for fault in validator(document, schema, closed=True).iter_errors(value)
        ]
        assert faults == []
        seen += 1
    assert seen > 100


def shown(document: Json) -> list[tuple[Json, Any, str]]:
    """Schemas and examples: of parameters, headers, bodies, answers, and of the members of the components."""
    found = [
        (p["schema"], p["example"], n)
        for n, p in {**document["components"]["parameters"], **document["components"]["headers"]}.items()
    ]
    for path, method, operation in operations(document):
        holders: list[Mapping[str, Any]] = [
            operation.get("requestBody", {}),
            *(resolved(document, r) for r in operation["responses"].values()),
        ]
        media = [m for holder in holders for m in holder.get("content", {}).values()]
        found += [
            (m["schema"], resolved(document, e)["value"], f"{method} {path}")
            for m in media
            for e in m.get("examples", {}).values()
        ]
    members = [
        (m, f"{n}.{k}")
        for n, s in document["components"]["schemas"].items()
        for k, m in s.get("properties", {}).items()
    ]
    return found + [(m, example, name) for m, name in members for example in m.get("examples", ())]


def test_every_example_could_be_meant(document: Json) -> None:
    made_up = [
        f"{name}: {member}"
        for name, example in document["components"]["examples"].items()
        for member in empty_words(example["value"])
    ]
    assert made_up == [], "these members need an example in their schemas.py: Meta(examples=[...])"


def empty_words(value: Any) -> list[str]:
    """Members whose example is only their own name."""
    if isinstance(value, list):
        return [member for part in value for member in empty_words(part)]
    if not isinstance(value, dict):
        return []
    return [n for n, v in value.items() if v == n.replace("_", " ")] + [
        member for v in value.values() for member in empty_words(v)
    ]


def test_every_problem_document_is_described_by_the_schema(document: Json) -> None:
    described = set(document["components"]["schemas"]["Problem"]["properties"])
    for example in document["components"]["examples"].values():
        if isinstance(example["value"], dict) and "code" in example["value"]:
            assert set(example["value"]) <= described


@pytest.mark.parametrize("text", ["127.0.0.1", "localhost", "/tmp", "/work"])  # noqa: S108
def test_no_machine_is_named(text: str, contract: Mapping[str, bytes]) -> None:
    assert [name for name, content in contract.items() if text.encode() in content] == []


def test_the_document_is_the_same_however_often_it_is_made(settings: Settings, contract: Mapping[str, bytes]) -> None:
    assert create_app(settings).state.contract() == contract


def test_if_match_is_required_where_the_setting_says_so(settings: Settings) -> None:
    strict = msgspec.json.decode(
        create_app(msgspec.structs.replace(settings, require_if_match=True)).state.contract()["openapi.json"]
    )
    assert (428, "precondition_required") in codes(strict, strict["paths"]["/v1/products/{key}"]["put"])
