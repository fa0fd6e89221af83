"""Plans: one for each kind of caller and each shape of a window, found at once where the same is asked again."""

from tradepost.app import TradepostApp
from tradepost.areas.catalog.resource import products
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.query.plan import Plan
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, ListQuery
from tradepost.kit.resource.selection import default_selection
from tradepost.kit.writes.call_context import CallContext


async def test_callers_and_windows_of_two_kinds_share_no_plan(app: TradepostApp) -> None:
    database, want = app.state.database, default_selection(products, frozenset())
    customer, staff = Caller(id="ann"), Caller(id="ann", permissions=frozenset({"products:read"}))

    def plan(who: Caller, window: ListQuery) -> Plan:
        return database.reads.plan(products, want, None, window, CallContext(who, database), database.reader)

    asked = [
        (who, window)
        for window in (DEFAULT_LIST_QUERY, ListQuery(total=True), ListQuery(sort=("-name",)))
        for who in (ANONYMOUS, customer, staff)
    ]
    made = [plan(*one) for one in asked]
    assert len({id(p) for p in made}) == len(asked)
    assert [plan(*one) for one in asked] == made == [plan(*one) for one in asked for _ in range(2)][::2]
    assert plan(ANONYMOUS, ListQuery(first=7)) is made[0]
