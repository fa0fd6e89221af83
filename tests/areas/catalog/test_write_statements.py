"""The SQL statements of writes: one INSERT per table, and those of events and audit entries."""

import re
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

INSERTED = re.compile(r"INSERT INTO (\w+)")


@contextmanager
def record_statements(app: "TradepostApp") -> Iterator[list[str]]:
    """Record the first words of each write statement, without BEGIN and API key updates.

    Of one that begins with WITH, record the tables that it inserts into.
    """
    statements: list[str] = []

    def record(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN") and "api_key" not in statement:
            words = statement.split()
            tables = INSERTED.findall(statement) if words[0] == "WITH" else []
            statements.append(" ".join(words[:3] if words[0] == "INSERT" else [words[0], *tables]))

    engine = app.state.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", record)


def event_statements(app: "TradepostApp") -> list[str]:
    """Return the statements that write events and audit entries: on PostgreSQL it is one."""
    if app.state.database.is_sqlite:
        return ["INSERT INTO outbox_event", "INSERT INTO audit_entry"]
    return ["WITH outbox_event audit_entry"]


@pytest.mark.parametrize("variants", [1, 3, 100])
async def test_a_new_product_takes_the_same_statements_with_any_number_of_variants(
    app: "TradepostApp", staff: httpx.AsyncClient, variants: int
) -> None:
    body = {"name": "Chair", "slug": unique("chair"), "variants": [variant_input() for _ in range(variants)]}
    with record_statements(app) as statements:
        assert (await staff.post("/v1/products", json=body, params={"fields": "id"})).status_code == 201
    inserts = [f"INSERT INTO {t}" for t in ("product", "variant", "product_search")]
    assert statements == [*inserts, "SELECT", *event_statements(app)]


async def test_a_status_change_does_not_write_the_search_index_or_the_categories(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff, variants=[variant_input()])
    with record_statements(app) as statements:
        changed = await staff.patch(
            f"/v1/products/{product['id']}", json={"status": "archived"}, params={"fields": "status,version"}
        )
    assert changed.json() == {"status": "archived", "version": product["version"] + 1}
    # The row lock, the document to patch, the update, the response; then event and audit entry.
    assert statements == ["SELECT", "SELECT", "UPDATE", "SELECT", *event_statements(app)]


async def test_a_new_product_has_equal_times_and_version_1(staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    assert product["created_at"] == product["updated_at"]
    assert product["version"] == 1


async def test_events_of_a_failed_item_are_rolled_back_with_its_savepoint(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    taken = variant_input()
    await make_product(staff, variants=[taken])
    events, entries = await count_events(app), await count_entries(app)
    items = [
        {"op": "create", "input": {"name": "First", "variants": [variant_input()]}},
        # Its product is inserted and its event emitted before the clash.
        {"op": "create", "input": {"name": "Second", "variants": [variant_input(), variant_input(sku=taken["sku"])]}},
        {"op": "create", "input": {"name": "Third"}},
    ]
    answer = await staff.post("/v1/products/batch", json={"items": items})
    assert [r["status"] for r in answer.json()["results"]] == [201, 409, 201]
    assert (await count_events(app), await count_entries(app)) == (events + 2, entries + 2)


async def test_an_event_is_stored_only_if_its_transaction_commits(app: "TradepostApp") -> None:
    database = app.state.database
    rolled_back, committed = new_id(2), new_id(2)

    async def fail() -> None:
        async with database.transaction() as session:
            context = CallContext(ANONYMOUS, database, "a-request")
            context.work.session = session
            context.emit("product.created", rolled_back)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.transaction() as session:
        context = CallContext(ANONYMOUS, database, "a-request")
        context.work.session = session
        context.emit("product.created", committed)
        # Events are written at the commit.
        assert (await session.execute(select(OutboxEvent.id).where(OutboxEvent.subject == committed))).first() is None
    assert (await events_of(app, rolled_back), await events_of(app, committed)) == ([], [("product.created", {})])
