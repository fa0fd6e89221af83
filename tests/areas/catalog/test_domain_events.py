"""Handlers of domain events run in the transaction of the change, at both doors and in commands."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import select

from tests.areas.catalog.domain_event_recorder import Recorder, handled_by
from tests.areas.catalog.events import types_of
from tests.areas.catalog.import_export.conftest import ImportShop, shop, two_shops
from tests.factories import Json, make_category, make_product, read, unique, variant_input
from tradepost import app as composition_root
from tradepost.areas.catalog.models import ProductRow
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.problems import Conflict
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, DomainEventHandlers, on_event

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

__all__ = ["shop", "two_shops"]


def refusing(name: str) -> Recorder:
    """A handler that refuses products with this name."""
    recorder = Recorder("product.created")

    async def handle(context: CallContext, events: Sequence[DomainEvent]) -> None:
        recorder.calls.append([*events])
        assert context.work.session is not None
        ids = [event.subject for event in events]
        query = select(ProductRow.name).where(ProductRow.id.in_(ids))
        if name in (await context.work.session.scalars(query)).all():
            raise Conflict("Not this one.")

    recorder.handle = handle
    return recorder


async def test_a_handler_is_called_once_with_all_events_of_its_types(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    recorder = Recorder("product.created", "variant.created")
    with handled_by(app, recorder.handler, Recorder("product.deleted").handler):
        product = await make_product(staff, variants=[variant_input(), variant_input()])
        await make_category(staff)
    [events] = recorder.calls
    assert [event.type for event in events] == ["product.created", "variant.created", "variant.created"]
    assert events[0].subject == product["id"]


async def test_a_handler_sees_the_change_and_its_own_events_are_committed_with_it(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    def emit(context: CallContext, events: Sequence[DomainEvent]) -> None:
        for event in events:
            context.emit("product.updated", event.subject, changed=["status"])

    first, second = Recorder("product.created", check=emit), Recorder("product.updated")
    with handled_by(app, second.handler, first.handler):
        product = await make_product(staff)
    assert [event.type for event in second.events] == ["product.updated"]
    assert await types_of(app, product["id"]) == ["product.created", "product.updated"]


async def test_a_refusal_undoes_the_change_and_its_events_at_both_doors(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    name, slug = unique("refused"), unique("slug")
    query = f'mutation {{ productCreate(input: {{name: "{name}", slug: "{slug}"}}) {{ id }} }}'
    with handled_by(app, refusing(name).handler):
        by_rest = await staff.post("/v1/products", json={"name": name, "slug": slug})
        by_graphql = (await staff.post("/graphql", json={"query": query})).json()
    assert (by_rest.status_code, by_rest.json()["detail"]) == (409, "Not this one.")
    assert by_graphql["errors"][0]["extensions"]["detail"] == "Not this one."
    assert (await staff.get(f"/v1/products/{slug}")).status_code == 404


async def test_a_refusal_is_the_outcome_of_an_idempotency_key(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    name, headers = unique("refused"), {"Idempotency-Key": unique("key")}
    with handled_by(app, (recorder := refusing(name)).handler):
        answers = [await staff.post("/v1/products", json={"name": name}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert len(recorder.calls) == 1


@pytest.mark.parametrize("op", ["create", "upsert"])
async def test_a_refusal_in_a_batch_fails_its_item_alone(
    app: "TradepostApp", staff: httpx.AsyncClient, op: str
) -> None:
    name, other = unique("refused"), unique("other")
    items: list[Json] = [{"op": op, "input": {"name": n, "slug": n}} for n in (other, name, f"{other}-2")]
    with handled_by(app, refusing(name).handler):
        answer = await staff.post("/v1/products/batch", json={"items": items})
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 409, 201]
    assert results[1]["error"]["detail"] == "Not this one."
    assert (await staff.get(f"/v1/products/{name}")).status_code == 404
    for index in (0, 2):
        assert await types_of(app, results[index]["data"]["id"]) == ["product.created"]


@pytest.mark.parametrize("op", ["create", "upsert"])
async def test_a_refusal_in_an_atomic_batch_refuses_all_and_names_the_item(
    app: "TradepostApp", staff: httpx.AsyncClient, op: str
) -> None:
    name, other = unique("refused"), unique("other")
    items: list[Json] = [{"op": op, "input": {"name": n, "slug": n}} for n in (other, name)]
    with handled_by(app, refusing(name).handler):
        answer = await staff.post("/v1/products/batch", params={"atomic": "true"}, json={"items": items})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/items/1")
    assert (await staff.get(f"/v1/products/{other}")).status_code == 404


async def test_upserts_of_a_batch_are_handled_by_one_call(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    items: list[Json] = [{"op": "upsert", "input": {"name": unique("bulk")}} for _ in range(3)]
    with handled_by(app, (recorder := Recorder("product.created")).handler):
        await staff.post("/v1/products/batch", json={"items": items})
    assert [len(call) for call in recorder.calls] == [3]


@asynccontextmanager
async def undone_write(app: "TradepostApp") -> AsyncIterator[CallContext]:
    """The context of an open write that is rolled back."""
    context = CallContext(ANONYMOUS, app.state.database, dependencies=app.state.dependencies)
    async with app.state.database.session_factory() as session:
        context.work.session = session
        yield context
        await session.rollback()


async def test_handlers_that_emit_events_without_end_are_stopped(app: "TradepostApp") -> None:
    def emit_again(context: CallContext, events: Sequence[DomainEvent]) -> None:
        context.emit("product.updated", events[0].subject, changed=[])

    async with undone_write(app) as context:
        with handled_by(app, Recorder("product.updated", check=emit_again).handler):
            context.emit("product.updated", unique(), changed=[])
            with pytest.raises(RuntimeError, match=r"product\.updated without end"):
                await context.handle_events()


async def test_an_event_of_an_undone_savepoint_is_not_handled(app: "TradepostApp") -> None:
    recorder = Recorder("product.updated")
    async with undone_write(app) as context:
        with handled_by(app, recorder.handler):
            context.emit("product.updated", "kept", changed=[])
            with suppress(ZeroDivisionError):
                async with context.savepoint():
                    context.emit("product.updated", "undone", changed=[])
                    raise ZeroDivisionError
            await context.handle_events()
    assert [event.subject for event in recorder.events] == ["kept"]


async def test_events_before_a_refused_savepoint_are_handled_again(app: "TradepostApp") -> None:
    def refuse_two(context: CallContext, events: Sequence[DomainEvent]) -> None:
        if len(events) == 2:
            raise Conflict("undone")

    recorder = Recorder("product.updated", check=refuse_two)
    async with undone_write(app) as context:
        with handled_by(app, recorder.handler):
            context.emit("product.updated", "first", changed=[])
            with suppress(Conflict):
                async with context.savepoint():
                    context.emit("product.updated", "second", changed=[])
            await context.handle_events()
    assert [[event.subject for event in call] for call in recorder.calls] == [["first", "second"], ["first"]]


@pytest.mark.parametrize("dry_run", [True, False])
async def test_an_import_calls_the_handlers_of_all_areas_and_reports_their_refusals(
    shop: ImportShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    recorder = refusing("Refused")
    handlers = DomainEventHandlers([recorder.handler])
    monkeypatch.setattr(composition_root, "domain_event_handlers", lambda: handlers)
    (file := tmp_path / "products.ndjson").write_text(
        '{"name": "Refused", "slug": "refused"}\n{"name": "Taken", "slug": "taken"}\n'
    )
    result = shop.command("import", file, *(["--dry-run"] if dry_run else []))
    assert "Not this one." in result.stderr
    assert recorder.calls
    slugs = [product["slug"] for product in (await read(shop.staff, "/v1/products"))["data"]]
    assert slugs == ([] if dry_run else ["taken"])


def test_the_handlers_of_all_areas_are_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    from tradepost.areas.catalog import service

    handler = on_event("product.created")(Recorder("product.created").handle)
    monkeypatch.setattr(service, "handler", handler, raising=False)
    assert handler in composition_root.domain_event_handlers().handlers
