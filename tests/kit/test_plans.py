"""Plans are cached: one for each kind of caller and each shape of a list query."""

from tradepost.app import TradepostApp
from tradepost.areas.catalog.resource import products
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.query.plan import Plan
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, ListQuery
from tradepost.kit.resource.selection import default_selection
from tradepost.kit.writes.call_context import CallContext


async def test_a_plan_is_reused_only_for_the_same_kind_of_caller_and_list_query(app: TradepostApp) -> None:
    database, selection = app.state.database, default_selection(products, frozenset())
    customer, staff = Caller(id="ann"), Caller(id="ann", permissions=frozenset({"products:read"}))

    def plan(caller: Caller, list_query: ListQuery) -> Plan:
        context = CallContext(caller, database)
        return database.reads.plan(products, selection, None, list_query, context, database.reader)

    requests = [
        (caller, list_query)
        for list_query in (DEFAULT_LIST_QUERY, ListQuery(total=True), ListQuery(sort=("-name",)))
        for caller in (ANONYMOUS, customer, staff)
    ]
    plans = [plan(*request) for request in requests]
    assert len({id(p) for p in plans}) == len(requests)
    assert all(plan(*request) is first for request, first in zip(requests, plans, strict=True))
    assert plan(ANONYMOUS, ListQuery(first=7)) is plans[0]
