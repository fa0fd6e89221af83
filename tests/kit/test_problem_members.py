"""Additional members of problems: Structs and lists of them, the same at both doors."""

from datetime import UTC, datetime

import msgspec

from tradepost.doors.graphql.problems import format_error
from tradepost.doors.http.problem_responses import problem_response
from tradepost.kit.operations.idempotency.outcomes import Outcome, problem_outcome
from tradepost.kit.problems import Conflict, OutOfStock, OutOfStockLine, Problem

ID = "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e18"
LINES = [
    OutOfStockLine(variant_id=ID, sku="CHAIR", requested=3),
    OutOfStockLine(variant_id=ID, sku=None, requested=2, available=1),
]
PLAIN = [
    {"variant_id": ID, "sku": "CHAIR", "requested": 3},
    {"variant_id": ID, "sku": None, "requested": 2, "available": 1},
]


def test_rest_and_graphql_show_the_same_members() -> None:
    problem = OutOfStock(lines=LINES)
    scope = {"path": "/orders", "method": "POST", "request_id": "r"}
    rest = msgspec.json.decode(problem_response(problem, scope).body)
    extensions = format_error(problem, "r")["extensions"]
    assert rest["lines"] == extensions["lines"] == PLAIN
    assert (rest["code"], rest["status"]) == (extensions["code"], extensions["status"]) == ("out_of_stock", 409)


def test_members_that_are_not_set_are_left_out() -> None:
    assert "available" not in OutOfStock(lines=LINES).to_dict()["lines"][0]


def test_the_outcome_that_is_replayed_has_the_members() -> None:
    stored = msgspec.json.decode(problem_outcome(OutOfStock(lines=LINES)), type=Outcome)
    assert stored.problem is not None
    assert stored.problem.members == {"lines": PLAIN}


def test_times_in_members_have_six_decimals() -> None:
    class Reading(msgspec.Struct):
        taken_at: datetime
        earlier: list[datetime]

    time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    text = "2026-01-02T03:04:05.000000Z"
    problem: Problem = Conflict(reading=Reading(time, [time]))
    assert problem.to_dict()["reading"] == {"taken_at": text, "earlier": [text]}
