"""The metrics of this process, and the parity report of all operations, for operators."""

import gc
import re
from typing import TYPE_CHECKING

import httpx
import pytest

from tradepost.doors.http.metrics import BOUNDS, Metrics

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio
FORWARDED = {"X-Forwarded-For": "203.0.113.9"}


def metric_value(text: str, name: str, **labels: str) -> float:
    """Return the sum of a metric over all series with these labels."""
    lines = [
        line
        for line in text.splitlines()
        if line.startswith(f"{name}{{") and all(f'{k}="{v}"' in line for k, v in labels.items())
    ]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def test_a_request_is_counted_by_route_and_status_and_not_by_path(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    before = (await staff.get("/metrics")).text
    key = "00000000-0000-7000-8000-000000000002"
    assert (await staff.get(f"/v1/products/{key}")).status_code == 404
    after = (await staff.get("/metrics")).text
    count = ("tradepost_request_seconds_count", {"method": "GET", "route": "/products/{key:str}", "status": "404"})
    assert metric_value(after, count[0], **count[1]) == metric_value(before, count[0], **count[1]) + 1
    assert key not in after
    assert metric_value(after, "tradepost_sql_statements_total") > metric_value(
        before, "tradepost_sql_statements_total"
    )


async def test_metrics_and_parity_are_for_operators_only(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    for path in ("/metrics", "/parity"):
        assert (await staff.get(path, headers=FORWARDED)).status_code == 200
        refused = await client.get(path, headers=FORWARDED)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")


async def test_the_parity_report_has_every_operation_at_both_doors(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    report = {pair["operation"]: pair for pair in (await staff.get("/parity")).json()["operations"]}
    assert list(report) == list(app.state.registry.operations)
    for name, pair in report.items():
        assert (bool(pair["rest"]), bool(pair["graphql"])) == tuple(
            [app.state.registry.operations[name].is_exposed_at(door) for door in ("rest", "graphql")]
        ), name
        assert pair["only"] is not None or (pair["rest"] and pair["graphql"]), name
    assert report["token_grant"]["only"].startswith("rest: The token endpoint is a URL that takes a form")
    assert report["product_update"] | {"problems": []} == {
        "operation": "product_update",
        "rest": "PATCH /v1/products/{key}",
        "graphql": "productUpdate",
        "permission": "catalog:write",
        "problems": [],
        "only": None,
    }
    assert "precondition_failed" in report["product_update"]["problems"]


def test_buckets_are_cumulative_and_unknown_methods_are_one_series() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.003, 99.0):
        metrics.series_for("BREW", None, 404).observe(seconds)
    text = metrics.render().decode()
    buckets = [
        int(n)
        for n in re.findall(r'_bucket\{method="other",route="",status="404",worker="\d+",le="[^"]+"\} (\d+)', text)
    ]
    assert len(buckets) == len(BOUNDS) + 1
    assert buckets == sorted(buckets)
    assert (buckets[0], buckets[-1]) == (1, 3)
    assert metric_value(text, "tradepost_request_seconds_count", method="other") == 3


async def test_every_cache_has_a_budget_in_bytes_and_its_figures(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    query = {"brand": "counted", "limit": "1"}
    gc.collect()  # of apps that other tests have stopped: their caches count until then
    before = (await staff.get("/metrics")).text
    for _ in range(2):
        assert (
            await client.get("/v1/products", params=query, headers={"Cache-Control": "no-cache"})
        ).status_code == 200
    text = (await staff.get("/metrics")).text
    names = set(re.findall(r'tradepost_cache_bytes\{cache="(\w+)"', text))
    assert names >= {"read_cache", "plans", "rest_queries", "rest_selections", "record_builders", "graphql_documents"}
    for name in names:
        size, budget = [metric_value(text, f"tradepost_cache_{n}", cache=name) for n in ("bytes", "budget_bytes")]
        assert 0 <= size <= budget, name
    misses = "tradepost_cache_misses_total"
    assert metric_value(text, misses, cache="rest_queries") > metric_value(before, misses, cache="rest_queries")
    evictions = [metric_value(t, "tradepost_cache_evictions_total", cache="rest_queries") for t in (before, text)]
    for figure in ("entries", "bytes"):
        values = [metric_value(t, f"tradepost_cache_{figure}", cache="rest_queries") for t in (before, text)]
        assert values[1] > values[0] or evictions[1] > evictions[0], figure
    assert "# TYPE tradepost_cache_evictions_total counter" in text
