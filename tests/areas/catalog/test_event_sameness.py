"""A product has the same events in the same order, whichever way it is written."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from tests.areas.catalog.domain_event_recorder import Recorder, handled_by
from tests.areas.catalog.events import entries_of, events_of
from tests.areas.catalog.formats.parsing import MOMENT
from tests.factories import Json, make_product, read, unique, variant_input
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.catalog.formats import open_file
from tradepost.areas.catalog.models import ProductRow
from tradepost.areas.catalog.service.importer import Importer
from tradepost.kit.problems import Conflict
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

TYPES = [f"{resource}.{verb}" for resource in ("product", "variant") for verb in ("created", "updated", "deleted")]
WAYS = ["single", "batch", "upsert", "import"]


async def write(app: "TradepostApp", staff: httpx.AsyncClient, way: str, product: Json, folder: Path) -> None:
    """Create a product, or change it if it exists, in one of the ways."""
    if way == "single":
        answer = await staff.post("/v1/products", json=product)
        assert answer.status_code == 201, answer.text
    elif way in ("batch", "upsert"):
        item = {"op": "create" if way == "batch" else "upsert", "input": product}
        answer = await staff.post("/v1/products/batch", json={"items": [item]})
        assert answer.json()["results"][0]["status"] in (200, 201), answer.text
    else:
        (path := folder / "products.ndjson").write_bytes(msgspec.json.encode(product))
        context = CallContext(SYSTEM, app.state.database, door="cli", dependencies=app.state.dependencies)
        importer = Importer(
            context, dry_run=False, on_issue=lambda issue: pytest.fail(issue.message), on_progress=lambda done: None
        )
        with closing(open_file(path, currency="EUR", decimal_separator=None, now=MOMENT)) as file:
            await importer.run(file)


async def variant_ids(staff: httpx.AsyncClient, id: str) -> list[str]:
    """Return the ids of a product's variants, by position."""
    return [row["id"] for row in (await read(staff, f"/v1/products/{id}/variants", fields="id"))["data"]]


def anonymous(value: Any, names: dict[str, str]) -> Any:
    """Replace ids by names, so that the events of two products can be compared."""
    text = msgspec.json.encode(value).decode()
    for id, name in names.items():
        text = text.replace(id, name)
    return msgspec.json.decode(text)


async def events_in_each_way(
    app: "TradepostApp", staff: httpx.AsyncClient, ways: Sequence[str], folder: Path, change: Json | None = None
) -> list[tuple[Any, Any]]:
    """Return the events that handlers get, and those that are stored, for each way of writing."""
    outcomes: list[tuple[Any, Any]] = []
    for way in ways:
        slug = unique("chair")
        old, new = variant_input(options={"size": "M"}), variant_input(options={"size": "L"})
        product: Json = {"name": "Chair", "slug": slug, "tags": ["oak"], "variants": [old, new]}
        recorder = Recorder(*TYPES)
        if change is not None:
            await make_product(staff, slug=slug, name="Chair", variants=[old])
            product = {"slug": slug, "variants": [old | change, new], "name": "Stool"}
        with handled_by(app, recorder.handler):
            await write(app, staff, way, product, folder)
        id = (await read(staff, f"/v1/products/{slug}"))["id"]
        names = {id: "product"} | {v: f"variant {n}" for n, v in enumerate(await variant_ids(staff, id))}
        stored = await events_of(app, id)
        assert [(entry.type, entry.data) for entry in await entries_of(app, id)] == stored
        outcomes.append((anonymous(recorder.events, names), anonymous(stored, names)))
    return outcomes


async def test_a_new_product_has_the_same_events_in_every_way(
    app: "TradepostApp", staff: httpx.AsyncClient, tmp_path: Path
) -> None:
    (handled, stored), *others = await events_in_each_way(app, staff, WAYS, tmp_path)
    assert [(event["type"], event["subject"]) for event in handled] == [
        ("product.created", "product"),
        ("variant.created", "variant 0"),
        ("variant.created", "variant 1"),
    ]
    assert stored == [["product.created", {"variants": ["variant 0", "variant 1"]}]]
    assert others == [(handled, stored)] * 3


async def test_changed_variants_have_events_with_the_names_of_what_changed(
    app: "TradepostApp", staff: httpx.AsyncClient, tmp_path: Path
) -> None:
    change = {"allow_backorder": True, "low_stock_threshold": 3, "price": {"amount": 9, "currency": "EUR"}}
    (handled, stored), other = await events_in_each_way(app, staff, WAYS[2:], tmp_path, change)
    assert [(e["type"], e["subject"], e["data"].get("changed")) for e in handled] == [
        ("product.updated", "product", ["name", "price_from"]),
        ("variant.created", "variant 1", None),
        ("variant.updated", "variant 0", ["price", "allow_backorder", "low_stock_threshold"]),
    ]
    variants = {"created": ["variant 1"], "updated": ["variant 0"]}
    assert stored[1:] == [["product.updated", {"changed": ["name", "price_from"], "variants": variants}]]
    assert other == (handled, stored)


async def test_handlers_get_the_same_event_of_a_variant_that_is_written_alone(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    changed: list[DomainEvent] = []
    for way in ("variant", "product"):
        variant = variant_input(sku=unique("sku"))
        product = await make_product(staff, variants=[variant])
        [id] = await variant_ids(staff, product["id"])
        change: Json = {"price": {"amount": 5, "currency": "EUR"}, "track_inventory": False, "barcode": "40"}
        with handled_by(app, (recorder := Recorder("variant.updated")).handler):
            if way == "variant":
                await staff.patch(f"/v1/variants/{id}", json=change)
            else:
                item = {
                    "op": "upsert",
                    "input": {"slug": product["slug"], "name": "Lamp", "variants": [variant | change]},
                }
                await staff.post("/v1/products/batch", json={"items": [item]})
        [event] = recorder.events
        assert (event.subject, event.data["product_id"]) == (id, product["id"])
        changed.append(event.data["changed"])
    assert changed == [["price", "barcode", "track_inventory"]] * 2


@pytest.mark.parametrize("way", ["single", "batch"])
async def test_a_deleted_product_has_events_of_its_variants(
    app: "TradepostApp", staff: httpx.AsyncClient, way: str
) -> None:
    product = await make_product(staff, variants=[variant_input(position=2), variant_input(position=1)])
    ids = await variant_ids(staff, product["id"])
    with handled_by(app, (recorder := Recorder(*TYPES)).handler):
        if way == "single":
            await staff.delete(f"/v1/products/{product['id']}")
        else:
            await staff.post("/v1/products/batch", json={"items": [{"op": "delete", "id": product["id"]}]})
    assert [(event.type, event.subject) for event in recorder.events] == [
        ("variant.deleted", ids[0]),
        ("variant.deleted", ids[1]),
        ("product.deleted", product["id"]),
    ]
    assert (await events_of(app, product["id"]))[1:] == [("product.deleted", {"variants": ids})]


@pytest.mark.parametrize("path", ["products", "variants"])
async def test_rows_are_deleted_after_the_handlers_which_may_refuse(
    app: "TradepostApp", staff: httpx.AsyncClient, path: str
) -> None:
    product = await make_product(staff, variants=[variant_input()])
    [variant] = await variant_ids(staff, product["id"])
    seen: list[Any] = []

    class Refusing(Recorder):
        async def handle(self, context: CallContext, events: Sequence[DomainEvent]) -> None:
            assert context.work.session is not None
            seen.append(await context.work.session.get(ProductRow, events[0].data["product_id"]))
            raise Conflict("It has a history.")

    key = {"products": product["id"], "variants": variant}[path]
    with handled_by(app, Refusing("variant.deleted").handler):
        answer = await staff.delete(f"/v1/{path}/{key}")
    assert (answer.status_code, answer.json()["detail"]) == (409, "It has a history.")
    assert seen[0] is not None
    assert await variant_ids(staff, product["id"]) == [variant]
