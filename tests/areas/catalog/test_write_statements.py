"""What writes cost in SQL: new rows of a table come by one statement, however many, and so do the events and the audit of a whole write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import event, select

from tests.areas.catalog.events import count_entries, count_events, events_of
from tests.factories import make_product, unique, variant_input
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.ids import new_id
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.outbox import OutboxEvent

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


@contextmanager
def written(app: "TradepostApp") -> Iterator[list[str]]:
    """The first words of what the engine of the writes is asked, without what SQLite is told at the beginning and what is noted of credentials."""
    kept: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN") and "api_key" not in statement:
            kept.append(" ".join(statement.split()[:3]) if statement.startswith("INSERT") else statement.split()[0])

    engine = app.state.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield kept
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("variants", [1, 3, 100])
async def test_a_new_product_takes_as_many_statements_with_a_hundred_variants_as_with_one(
    app: "TradepostApp", staff: httpx.AsyncClient, variants: int
) -> None:
    body = {"name": "Chair", "slug": unique("chair"), "variants": [variant_input() for _ in range(variants)]}
    with written(app) as kept:
        assert (await staff.post("/v1/products", json=body, params={"fields": "id"})).status_code == 201
    inserts = [f"INSERT INTO {t}" for t in ("product", "variant", "product_search")]
    assert kept == [*inserts, "SELECT", "INSERT INTO outbox_event", "INSERT INTO audit_entry"]


async def test_a_change_of_what_nobody_searches_by_leaves_the_words_and_the_categories_alone(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff, variants=[variant_input()])
    with written(app) as kept:
        changed = await staff.patch(
            f"/v1/products/{product['id']}", json={"status": "archived"}, params={"fields": "status,version"}
        )
    assert changed.json() == {"status": "archived", "version": product["version"] + 1}
    # The claim, the document that is patched, the change, the answer; then who hears of it.
    assert kept == ["SELECT", "SELECT", "UPDATE", "SELECT", "INSERT INTO outbox_event", "INSERT INTO audit_entry"]


async def test_times_that_the_columns_give_are_those_of_the_write(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    assert product["created_at"] == product["updated_at"]
    assert product["version"] == 1


async def test_what_an_item_announced_goes_with_its_savepoint(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    taken = variant_input()
    await make_product(staff, variants=[taken])
    events, entries = await count_events(app), await count_entries(app)
    items = [
        {"op": "create", "input": {"name": "First", "variants": [variant_input()]}},
        # Its product is inserted and announced before the clash.
        {"op": "create", "input": {"name": "Second", "variants": [variant_input(), variant_input(sku=taken["sku"])]}},
        {"op": "create", "input": {"name": "Third"}},
    ]
    answer = await staff.post("/v1/products/batch", json={"items": items})
    assert [r["status"] for r in answer.json()["results"]] == [201, 409, 201]
    assert (await count_events(app), await count_entries(app)) == (events + 3, entries + 3)


async def test_an_event_is_there_exactly_where_its_write_was_committed(app: "TradepostApp") -> None:
    database = app.state.database
    lost, kept = new_id(2), new_id(2)

    async def fail() -> None:
        async with database.transaction() as session:
            context = CallContext(ANONYMOUS, database, "a-request")
            context.work.session = session
            context.emit("product.created", lost)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.transaction() as session:
        context = CallContext(ANONYMOUS, database, "a-request")
        context.work.session = session
        context.emit("product.created", kept)
        # It waits for the commit.
        assert (await session.execute(select(OutboxEvent.id).where(OutboxEvent.subject == kept))).first() is None
    assert (await events_of(app, lost), await events_of(app, kept)) == ([], [("product.created", {})])
