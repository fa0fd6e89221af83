"""What counts as the same input: null, whole numbers, blanks, ids and patches, at both doors."""

from typing import Any

import msgspec
import pytest

from tests.factories import unique, variant_input
from tests.parity.case import new_mark
from tests.parity.cases import FIRST_INPUTS, REGISTRY, TWO_DOOR_WRITES
from tests.parity.door_writer import DoorWriter
from tests.parity.fields import camel, normalize_answer
from tests.parity.harness import UNKNOWN_ID, UNKNOWN_SLUG, DualDoorApp, Json
from tests.parity.prepared_writes import prepare
from tradepost.kit.schema.preparation import null_is_default

DOORS = ("rest", "graphql")
UPDATES = [w.operation for w in TWO_DOOR_WRITES if REGISTRY.operations[w.operation].kind == "update"]
WITH_DEFAULTS = [
    w.operation
    for w in TWO_DOOR_WRITES
    if (o := REGISTRY.operations[w.operation]).input and o.kind in ("create", "replace") and null_is_default(o.input)
]
PRICE = {"amount": 1, "currency": "EUR"}


async def write(harness: DualDoorApp, door: str, operation: str, fields: str, **arguments: Any) -> Any:
    """Call a write as staff; the answer has REST's names."""
    answer = await DoorWriter(harness, harness.staff, operation).write(door, fields, **arguments)
    is_body = isinstance(answer, dict) and REGISTRY.operations[operation].kind != "batch"
    return normalize_answer(REGISTRY.operations[operation].result, answer) if is_body else answer


async def new_product(harness: DualDoorApp, *variants: Json, **members: Any) -> Json:
    """Create a product through REST."""
    body = {"name": "Lamp", "variants": list(variants)} | members
    answer = await harness.staff.rest("POST", "/products", json=body, params={"fields": "id,slug,variants{id,sku}"})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("operation", UPDATES)
async def test_null_is_a_value_in_a_json_patch(harness: DualDoorApp, operation: str, door: str) -> None:
    prepared = await prepare(harness, FIRST_INPUTS[operation])
    writer, step = DoorWriter(harness, prepared.caller, operation), {"op": "test", "path": "/version", "value": None}
    outcome = await writer.write(door, "id", prepared.keys, json_patch=[step])
    assert outcome[0] == "patch_test_failed", "null is compared, not missing"


@pytest.mark.parametrize("door", DOORS)
async def test_a_json_patch_adds_and_replaces_with_null(harness: DualDoorApp, door: str) -> None:
    product = await new_product(harness, external_reference=unique("ref"), description="x")
    steps = [
        {"op": "test", "path": "/category_id", "value": None},
        {"op": "replace", "path": "/external_reference", "value": None},
        {"op": "add", "path": "/description", "value": None},
    ]
    fields = "external_reference,description,category_id"
    changed = await write(harness, door, "product_update", fields, key=product["id"], json_patch=steps)
    assert changed == {"external_reference": None, "description": "", "category_id": None}


@pytest.mark.parametrize(("name", "count"), [("price_lte", 1), ("price_gte", 0)])
async def test_a_price_filter_takes_numbers_above_32_bits(harness: DualDoorApp, name: str, count: int) -> None:
    reference, limit = unique("ref"), 2**40
    product = await new_product(harness, variant_input(), external_reference=reference, status="active")
    params = {"external_reference": reference, name: str(limit), "fields": "id"}
    page = (await harness.staff.rest("GET", "/products", params=params)).json()
    text = "query ($filter: ProductFilter) { products(filter: $filter) { nodes { id } } }"
    filter = {"externalReference": reference, camel(name): limit}
    data = await harness.staff.data(text, {"filter": filter})
    assert page["data"] == data["products"]["nodes"] == [{"id": product["id"]}] * count


@pytest.mark.parametrize("operation", WITH_DEFAULTS)
async def test_null_is_the_default_of_every_member_that_has_one(harness: DualDoorApp, operation: str) -> None:
    shape: Any = REGISTRY.operations[operation].input
    nulls: Json = dict.fromkeys(null_is_default(shape))
    for door in DOORS:
        prepared = await prepare(harness, FIRST_INPUTS[operation])
        body = nulls | {n: v for n, v in (prepared.body or {}).items() if n not in nulls}
        writer = DoorWriter(harness, prepared.caller, operation)
        outcome = await writer.write(door, "status" if operation == "register" else "id", prepared.keys, body)
        assert isinstance(outcome, dict), (door, outcome)


@pytest.mark.parametrize("door", DOORS)
async def test_null_is_the_default_also_inside_other_members_and_in_batches(harness: DualDoorApp, door: str) -> None:
    variant: Json = variant_input() | dict.fromkeys(("name", "attributes", "tax_class", "track_inventory", "position"))
    body = {"name": "Lamp", "slug": None, "tags": None, "status": None, "variants": [variant]}
    fields = "status,tags,variants{name,tax_class,track_inventory,position}"
    expected = {"name": variant["options"]["number"], "tax_class": "standard", "track_inventory": True, "position": 0}
    created = await write(harness, door, "product_create", fields, body=body)
    assert created == {"status": "draft", "tags": [], "variants": [expected]}
    item = {"op": "create", "input": {"name": "Lamp", "tags": None}, "id": None, "patch": None}
    batch = await write(harness, door, "product_batch", "tags", body={"items": [item]})
    assert batch["results"][0]["data"] == {"tags": []}


def test_the_documents_say_that_null_is_the_default(harness: DualDoorApp) -> None:
    contract = harness.app.state.contract()
    schemas = msgspec.json.decode(contract["openapi.json"])["components"]["schemas"]
    fields = harness.executor.schema.type_map
    for operation in WITH_DEFAULTS:
        shape: Any = REGISTRY.operations[operation].input
        for name in null_is_default(shape):
            member = schemas[shape.__name__]["properties"][name]
            assert {"type": "null"} in member["anyOf"], (operation, name)
            input_name = shape.__name__ if shape.__name__.endswith("Input") else f"{shape.__name__}Input"
            assert not str(fields[input_name].fields[camel(name)].type).endswith("!")
        assert "null" in (shape.__doc__ or ""), f"{shape.__name__} does not say what null means"


@pytest.mark.parametrize("media_type", ["application/json", "application/msgpack"])
async def test_a_whole_number_may_be_written_with_a_fraction_at_rest(harness: DualDoorApp, media_type: str) -> None:
    encode = msgspec.json.encode if media_type == "application/json" else msgspec.msgpack.encode
    body = variant_input() | {"price": {"amount": 5.0, "currency": "EUR"}, "weight_grams": 2.0, "position": 3.0}
    path, headers = f"/products/{(await new_product(harness))['id']}/variants", {"Content-Type": media_type}
    answer = await harness.staff.rest("POST", path, content=encode(body), headers=headers)
    assert answer.status_code == 201, answer.text
    created = answer.json()
    assert (created["price"]["amount"], created["weight_grams"], created["position"]) == (5, 2, 3)
    for wrong in (1.5, True, "1", 1e300):
        answer = await harness.staff.rest("POST", path, content=encode(body | {"position": wrong}), headers=headers)
        assert answer.status_code == 422, wrong


@pytest.mark.parametrize("door", DOORS)
async def test_a_whole_number_may_be_written_with_a_fraction_at_both_doors(harness: DualDoorApp, door: str) -> None:
    body = variant_input() | {"price": {"amount": 3e9, "currency": "EUR"}, "weight_grams": 2.0}
    key = (await new_product(harness))["id"]
    created = await write(harness, door, "variant_create", "price,weight_grams,id", key=key, body=body)
    assert (created["price"]["amount"], created["weight_grams"]) == (3_000_000_000, 2)
    steps = [{"op": "replace", "path": "/price/amount", "value": 7.0}]
    changed = await write(harness, door, "variant_update", "price", key=created["id"], json_patch=steps)
    assert changed["price"]["amount"] == 7


async def test_a_whole_number_may_be_written_with_a_fraction_in_queries(harness: DualDoorApp) -> None:
    mark = new_mark()
    category = {"name": mark, "slug": mark}
    answer = await harness.staff.rest("POST", "/categories", json=category)
    await new_product(harness, variant_input(3_000_000_000), tags=[mark], category_id=answer.json()["id"])
    for params in ({"limit": "1.0"}, {"page": "1.0", "page_size": "5.00"}, {"price_gte": "3000000000.0"}):
        answer = await harness.staff.rest("GET", "/products", params=params | {"tag": mark})
        assert [len(answer.json()["data"])] == [1], answer.text
    answer = await harness.staff.rest("GET", "/products", params={"limit": "1.5"})
    assert answer.json()["code"] == "invalid_parameter"
    fields = "products(first: 1.0, filter: {price_gte: 3000000000.0}){id}"
    answer = await harness.staff.rest("GET", f"/categories/{mark}", params={"fields": fields})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["products"]["data"]) == 1
    text = (
        "query ($first: Int, $tag: String, $price: BigInt) {"
        " products(first: $first, filter: {tag: $tag, priceGte: $price}) { nodes { id } } }"
    )
    data = await harness.staff.data(text, {"first": 1.0, "tag": mark, "price": 3e9})
    assert len(data["products"]["nodes"]) == 1
    data = await harness.staff.data(
        f'{{ products(filter: {{tag: "{mark}", priceGte: 3000000000.0}}) {{ nodes {{ id }} }} }}'
    )
    assert len(data["products"]["nodes"]) == 1


@pytest.mark.parametrize("id", ["x", UNKNOWN_ID])
async def test_an_id_and_a_slug_are_always_one_error(harness: DualDoorApp, id: str) -> None:
    for name in ("product", "category", "brand", "tag"):
        for arguments in (f'id: "{id}", slug: "y"', "slug: null, id: null", ""):
            arguments = f"({arguments})" if arguments else ""
            answer = await harness.anonymous.post(f"{{ {name}{arguments} {{ id }} }}")
            [error] = answer["errors"]
            assert error["extensions"]["code"] == "invalid_parameter"
            assert error["extensions"]["detail"] == "Give exactly one of `id`, `slug`."


@pytest.mark.parametrize("patch", ["{sku: null}", '{sku: ""}'])
@pytest.mark.parametrize("id", ["x", UNKNOWN_ID])
async def test_a_patch_and_a_json_patch_are_always_one_error(harness: DualDoorApp, id: str, patch: str) -> None:
    arguments = f'id: "{id}", patch: {patch}, jsonPatch: [{{op: "no", path: ""}}]'
    answer = await harness.staff.post(f"mutation {{ variantUpdate({arguments}) {{ id }} }}")
    assert [e["extensions"]["detail"] for e in answer["errors"]] == ["Give exactly one of `patch`, `jsonPatch`."]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("id", ["no-id", "", UNKNOWN_SLUG, UNKNOWN_ID.replace("-", ""), UNKNOWN_ID])
async def test_a_malformed_id_is_a_fault_of_its_item_only(harness: DualDoorApp, door: str, id: str) -> None:
    key = (await new_product(harness))["id"]
    items = [
        {"op": "update", "id": id, "patch": {"name": "x"}},
        {"op": "delete", "id": id},
        {"op": "update", "id": key.upper(), "patch": {"name": "Changed"}},
    ]
    batch = await write(harness, door, "product_batch", "name", body={"items": items})
    assert [r["status"] for r in batch["results"]] == [404, 404, 200]
    assert batch["results"][2]["data"] == {"name": "Changed"}


BLANKS = ["", " ", "\u00a0", "\u2003 \u3000", "\u200b", "\ufeff\u2060", " \u200d "]
TEXT_WRITES: list[tuple[str, str, Any]] = [
    ("product_create", "/name", lambda text: {"name": text}),
    ("category_create", "/name", lambda text: {"name": text}),
    ("brand_create", "/name", lambda text: {"name": text}),
    ("product_create", "/external_reference", lambda text: {"name": "x", "external_reference": text}),
    ("product_create", "/variants/0/sku", lambda text: {"name": "x", "variants": [{"sku": text, "price": PRICE}]}),
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("text", BLANKS, ids=ascii)
async def test_a_text_of_blanks_is_refused(harness: DualDoorApp, door: str, text: str) -> None:
    for operation, pointer, body in TEXT_WRITES:
        code, status, *_, errors = await write(harness, door, operation, "id", body=body(text))
        assert (code, status, [(e[0], e[1]) for e in errors]) == ("validation", 422, [(pointer, "too_short")])


@pytest.mark.parametrize("door", DOORS)
async def test_text_is_stripped_and_equal_skus_are_the_same(harness: DualDoorApp, door: str) -> None:
    sku = unique("B1")
    body = {
        "name": "\u00a0 Oak chair \u3000",
        "external_reference": f"\t{sku}"[1:] + "\ufeff",
        "variants": [{"sku": f" {sku}\u200b", "price": PRICE, "options": {" size ": " M "}, "barcode": " 1 "}],
    }
    fields = "name,external_reference,variants{sku,name,options,barcode}"
    created = await write(harness, door, "product_create", fields, body=body)
    assert (created["name"], created["external_reference"]) == ("Oak chair", sku)
    assert created["variants"] == [{"sku": sku, "name": "M", "options": {"size": "M"}, "barcode": "1"}]
    for other in (sku, f"{sku} ", f"\u2060{sku}"):
        clash = await write(
            harness, door, "product_create", "id", body={"name": "x", "variants": [{"sku": other, "price": PRICE}]}
        )
        assert clash[:2] == ("already_exists", 409)


@pytest.mark.parametrize("door", DOORS)
async def test_invisible_characters_inside_a_text_are_refused(harness: DualDoorApp, door: str) -> None:
    for text in ("a\u200bb", "a\ufeffb", "a\u2060b", "a\u180eb"):
        *_, errors = await write(harness, door, "product_create", "id", body={"name": text})
        assert [e[:2] for e in errors] == [("/name", "invisible_character")]
        assert f"U+{ord(text[1]):04X}" in errors[0][2]
    # Persian and emoji need joiners; a SKU does not.
    for text in ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\U0001f468\u200d\U0001f469"):
        assert (await write(harness, door, "product_create", "name", body={"name": text}))["name"] == text
        variant = {"sku": text, "price": PRICE}
        *_, errors = await write(harness, door, "product_create", "id", body={"name": "x", "variants": [variant]})
        assert [e[:2] for e in errors] == [("/variants/0/sku", "invisible_character")]


@pytest.mark.parametrize("door", DOORS)
async def test_options_that_are_equal_when_stripped_are_refused(harness: DualDoorApp, door: str) -> None:
    body = variant_input(options={"size": "M", " size": "L"})
    *_, errors = await write(harness, door, "variant_create", "id", key=(await new_product(harness))["id"], body=body)
    assert [e[:2] for e in errors] == [("/options/ size", "not_unique")]


@pytest.mark.parametrize("door", DOORS)
async def test_a_row_with_an_older_text_stays_as_it_is(harness: DualDoorApp, door: str) -> None:
    """Rows that were written before texts were stripped can be changed in their other members."""
    from tradepost.areas.catalog.models import ProductRow, VariantRow

    product, sku = await new_product(harness, variant_input()), f" {unique('old')}\u200b"
    async with harness.app.state.database.transaction() as session:
        (await session.get_one(ProductRow, product["id"])).name = "a\u200bb"
        (await session.get_one(VariantRow, product["variants"][0]["id"])).sku = sku
    changed = await write(
        harness, door, "product_update", "name,status", key=product["id"], body={"status": "archived"}
    )
    assert changed == {"name": "a\u200bb", "status": "archived"}
    variant = product["variants"][0]["id"]
    changed = await write(harness, door, "variant_update", "sku,position", key=variant, body={"position": 4})
    assert changed == {"sku": sku, "position": 4}
    *_, errors = await write(harness, door, "product_update", "id", key=product["id"], body={"name": "c\u200bd"})
    assert [e[:2] for e in errors] == [("/name", "invisible_character")]


@pytest.mark.parametrize("door", DOORS)
async def test_a_generated_name_follows_the_options_unless_a_name_was_given(harness: DualDoorApp, door: str) -> None:
    product = await new_product(harness, variant_input(options={"size": "M"}))
    key = product["variants"][0]["id"]

    async def name_after(body: Any = None, json_patch: Any = None) -> str:
        return (await write(harness, door, "variant_update", "name", key=key, body=body, json_patch=json_patch))["name"]

    assert await name_after({"weight_grams": 1}) == "M"
    assert await name_after({"options": {"size": "L", "colour": "red"}}) == "L / red"
    assert await name_after(json_patch=[{"op": "replace", "path": "/options/size", "value": "S"}]) == "S / red"
    assert await name_after({"options": {"size": "XL"}, "name": "S / red"}) == "S / red", "given"
    assert await name_after({"options": {"size": "XS"}}) == "S / red", "it was set by hand"
    assert await name_after({"name": None, "options": {"size": "X" * 150, "colour": "y" * 150}}) == (
        f"{'X' * 150} / {'y' * 47}"
    )
    assert await name_after({"options": {"size": "M", "colour": None}}) == "M"
    assert await name_after(json_patch=[{"op": "add", "path": "/name", "value": "M"}]) == "M"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("length", "is_valid"), [(64, True), (65, False)])
async def test_the_local_part_of_an_email_address_has_at_most_64_characters(
    harness: DualDoorApp, door: str, length: int, is_valid: bool
) -> None:
    body = {"email": f"{new_mark().ljust(length, 'x')}@shop.example", "password": f"six boats {new_mark()}"}
    outcome = await write(harness, door, "register", "status", body=body)
    assert isinstance(outcome, dict) == is_valid, outcome
    if not is_valid:
        assert [e[:2] for e in outcome[-1]] == [("/email", "invalid_format")]


async def test_a_list_below_a_row_takes_ids_and_slugs_at_rest_and_ids_in_graphql(harness: DualDoorApp) -> None:
    """In GraphQL an argument that is called an id takes ids; a slug leads to the row by `slug`."""
    product = await new_product(harness, variant_input())
    sku = product["variants"][0]["sku"]
    for key in (product["id"], product["slug"]):
        answer = await harness.staff.rest("GET", f"/products/{key}/variants")
        assert [v["sku"] for v in answer.json()["data"]] == [sku]
    text = "query ($id: ID!) { productVariants(productId: $id) { nodes { sku } } }"
    assert (await harness.staff.data(text, {"id": product["id"]}))["productVariants"] == {"nodes": [{"sku": sku}]}
    assert (await harness.staff.data(text, {"id": product["slug"]}))["productVariants"] is None
    text = "query ($slug: String) { product(slug: $slug) { variants { sku } } }"
    assert (await harness.staff.data(text, {"slug": product["slug"]}))["product"] == {"variants": [{"sku": sku}]}


@pytest.mark.parametrize("accept", ["application/json;v=1", "application/json; version=2; q=0.9, text/html;q=0.1"])
async def test_parameters_of_accepted_media_types_are_ignored(harness: DualDoorApp, accept: str) -> None:
    for path in ("/v1/products", "/graphql?query=%7B__typename%7D"):
        answer = await harness.anonymous.client.get(path, headers={"Accept": accept})
        media_type = answer.headers["content-type"].partition(";")[0]
        assert (answer.status_code, media_type) == (200, "application/json"), answer.text


async def test_a_byte_order_mark_before_a_json_body_is_ignored(harness: DualDoorApp) -> None:
    headers, mark = {"Content-Type": "application/json"}, b"\xef\xbb\xbf"
    answer = await harness.staff.rest("POST", "/products", content=mark + b'{"name": "x"}', headers=headers)
    assert answer.status_code == 201, answer.text
    patch = mark + b'[{"op": "replace", "path": "/name", "value": "y"}]'
    answer = await harness.staff.rest(
        "PATCH", f"/products/{answer.json()['id']}", content=patch,
        headers={"Content-Type": "application/json-patch+json"},
    )  # fmt: skip
    assert answer.json()["name"] == "y"
    for content in (mark + b'{"query": "{ __typename }"}', b'{"query": "{ __typename }"}'):
        answer = await harness.staff.client.post("/graphql", content=content, headers=headers)
        assert answer.json()["data"] == {"__typename": "Query"}
    answer = await harness.staff.rest("POST", "/products", content=mark * 2 + b'{"name": "x"}', headers=headers)
    assert answer.status_code == 400
