"""Every request and every response passes through the pipeline."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest

from tests.doors.http.pipeline_app import SingleFastRoute, client, make_pipeline
from tradepost.doors.http.access_log import AccessLog
from tradepost.doors.http.pipeline import Pipeline, PipelineSettings
from tradepost.doors.http.response import Response
from tradepost.kit.auth.caller import ANONYMOUS

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


def pipeline_over(app: Any, **settings: Any) -> Pipeline:
    """Return a pipeline in front of any ASGI app."""

    async def identify(headers: Any) -> Any:
        return ANONYMOUS

    return Pipeline(app, identify=identify, database=None, settings=PipelineSettings(**settings))


@pytest.mark.parametrize("request_id", ["a", "A.b_c:d-1", "x" * 128])
async def test_a_valid_request_id_is_returned(request_id: str) -> None:
    answer = await client().get("/where", headers={"x-request-id": request_id})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == request_id


@pytest.mark.parametrize("request_id", ["", "x" * 129, "a b", "a\tb", "ä", "a/b", "a,b"])
async def test_an_invalid_request_id_is_replaced(request_id: str) -> None:
    answer = await client().get("/where", headers={b"x-request-id": request_id.encode("latin-1")})
    assert answer.headers["x-request-id"] != request_id
    assert UUID(answer.headers["x-request-id"]).version == 7


@pytest.mark.parametrize("path", ["/products", "/products/chair", "/nowhere", "/boom", "/plain", "/v9/products"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "FOO"])
async def test_every_response_has_the_security_headers_a_request_id_and_vary(method: str, path: str) -> None:
    answer = await client().request(method, path)
    assert answer.headers.items() >= SECURITY_HEADERS.items()
    assert answer.headers["vary"] == "Accept, Accept-Encoding, Authorization, X-API-Key, X-Cart-Token, X-API-Version"
    assert UUID(answer.headers["x-request-id"])
    assert len(answer.headers.get_list("x-request-id")) == 1


async def test_a_page_may_set_its_own_content_security_policy() -> None:
    async def page(scope: Any, receive: Any, send: Any) -> None:
        policy = (b"content-security-policy", b"default-src 'self'")
        await Response(200, b"<p>", b"text/html", [policy])(scope, receive, send)

    answer = await client(pipeline_over(page)).get("/docs")
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert answer.headers.items() >= {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}.items()


@pytest.mark.parametrize(
    ("path", "header", "version", "prefix"),
    [
        ("/where", None, 1, ""),
        ("/where", "1", 1, ""),
        ("/where", "2", 2, ""),
        ("/v1/where", None, 1, "/v1"),
        ("/v2/where", None, 2, "/v2"),
        ("/v2/where", "2", 2, "/v2"),
    ],
)
async def test_the_version_is_read_and_removed_from_the_path(
    path: str, header: str | None, version: int, prefix: str
) -> None:
    answer = await client().get(path, headers={"x-api-version": header} if header else {})
    assert answer.status_code == 200
    scope = {"version": version, "prefix": prefix, "original_path": path, "path": "/where", "raw_path": "/where"}
    assert answer.json().items() >= scope.items()
    assert ("X-API-Version" in answer.headers["vary"]) is not bool(prefix)


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/v3/where", None),
        ("/v3", None),
        ("/v0/where", None),
        ("/where", "3"),
        ("/where", "v1"),
        ("/v1/where", "2"),
        ("/v1/where", "x"),
    ],
)
async def test_an_unsupported_or_contradictory_version_is_refused_with_the_supported_ones(
    path: str, header: str | None
) -> None:
    answer = await client().get(path, headers={"x-api-version": header} if header else {})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert "Supported versions: 1 (`/v1`) and 2 (`/v2`)." in answer.json()["detail"]
    assert answer.json()["errors"][0]["parameter"] == ("X-API-Version" if header else "version")


@pytest.mark.parametrize("path", ["/v1/graphql", "/v2/health/live", "/v1/docs", "/v1/v1/where", "/vase", "/v1x/where"])
async def test_a_path_that_is_not_versioned_has_no_version_prefix(path: str) -> None:
    answer = await client().get(path)
    assert (answer.status_code, answer.json()["instance"]) == (404, path)


async def test_a_problem_has_the_original_path_and_the_request_id() -> None:
    answer = await client().get("/v1/nowhere/a%20b?x=1", headers={"x-request-id": "r1"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "type": "/problems/not_found",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
        "detail": "Not found",
        "instance": "/v1/nowhere/a%20b",
        "request_id": "r1",
    }


async def test_an_unexpected_error_is_logged_once_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    answer = await client().get("/boom", headers={"x-request-id": "r2"})
    assert (answer.status_code, answer.json()["code"], answer.json()["request_id"]) == (500, "internal", "r2")
    assert "secret" not in answer.text
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == 1
    assert "r2" in logged[0].getMessage()
    assert logged[0].exc_info


async def test_an_invalid_credential_is_refused_before_the_path_is_matched() -> None:
    answer = await client().get("/v1/nowhere", headers={"x-api-key": "bad"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_head_has_status_and_headers_of_get_without_a_body() -> None:
    for path in ("/v1/products", "/products/chair", "/plain", "/nowhere"):
        of_get, of_head = await client().get(path), await client().head(path)
        assert (of_head.status_code, of_head.content) == (of_get.status_code, b"")
        varying = ("x-request-id", "content-length") if path == "/nowhere" else ("x-request-id",)
        assert {n: v for n, v in of_head.headers.items() if n not in varying} == {
            n: v for n, v in of_get.headers.items() if n not in varying
        }


async def test_options_lists_the_methods_and_the_patch_formats() -> None:
    for path in ("/v1/products/chair", "/products/chair/"):
        answer = await client().options(path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PATCH"
        assert answer.headers["accept-patch"] == "application/merge-patch+json, application/json-patch+json"
    answer = await client().options("/products")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert "accept-patch" not in answer.headers
    assert (await client().options("/products/export")).headers["allow"] == "GET, HEAD, OPTIONS"
    assert (await client().options("/nowhere")).status_code == 404


@pytest.mark.parametrize("method", ["DELETE", "PUT", "TRACE", "FOO"])
async def test_another_method_is_405_with_the_allowed_ones(method: str) -> None:
    answer = await client().request(method, "/v1/products/chair")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PATCH"


async def test_a_body_over_the_limit_is_413() -> None:
    json = {"content-type": "application/json"}
    assert (await client(body_limit=10).post("/products", content=b'"1234567"', headers=json)).status_code == 201
    answer = await client(body_limit=10).post("/products", content=b'"1234567890"', headers=json)
    assert (answer.status_code, answer.json()["limit"]) == (413, 10)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"    "

    assert (await client(body_limit=10).post("/products", content=parts(), headers=json)).status_code == 413


async def test_a_malformed_body_is_400_and_another_type_415() -> None:
    malformed = await client().post("/products", content=b"{", headers={"content-type": "application/json"})
    assert (malformed.status_code, malformed.json()["code"]) == (400, "malformed")
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client().post("/products", content=b"a=b", headers=form)
    assert (answer.status_code, answer.headers["accept"]) == (415, "application/json, application/msgpack")


async def test_a_request_that_times_out_is_503_and_is_cancelled() -> None:
    ended = asyncio.Event()

    async def sleepy(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(5)
        finally:
            ended.set()

    answer = await client(pipeline_over(sleepy, request_timeout=0.05)).get("/slow")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert ended.is_set()
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_a_response_that_has_started_does_not_time_out() -> None:
    async def stream(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.2)
        await send({"type": "http.response.body", "body": b"done", "more_body": False})

    answer = await client(pipeline_over(stream, request_timeout=0.05)).get("/events")
    assert (answer.status_code, answer.content) == (200, b"done")


async def test_requests_over_the_limit_are_503_at_once_except_health_checks() -> None:
    pipeline = make_pipeline(requests_in_flight=2)
    http = client(pipeline)
    answers = await asyncio.gather(*(http.get("/slow") for _ in range(3)), http.get("/health/live"))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 404, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["retry-after"] == "1"
    assert not pipeline.in_flight.senders
    assert (await http.get("/plain")).status_code == 200


async def test_a_cancelled_request_leaves_no_response_in_flight() -> None:
    pipeline = make_pipeline()
    task = asyncio.create_task(client(pipeline).get("/slow"))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not pipeline.in_flight.senders


async def test_an_error_after_the_response_has_started_ends_the_stream() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError("late")

    with pytest.raises(KeyError):
        await client(pipeline_over(broken)).get("/")


async def test_a_fast_route_responds_instead_of_litestar_only_for_its_own_paths() -> None:
    pipeline = make_pipeline({("GET", "/products/{key:str}"): SingleFastRoute()})
    http = client(pipeline)
    assert (await http.get("/v1/products/chair")).json() == {"fast": "chair"}
    assert (await http.head("/products/chair")).headers["content-length"] == str(len(b'{"fast":"chair"}'))
    assert (await http.get("/products/export")).json() == "export"
    assert (await http.get("/products/")).json()["data"]
    assert (await http.get("/products/a/b")).status_code == 404
    assert (await http.patch("/products/chair")).json() == {}


async def test_lifespan_and_websocket_scopes_reach_the_app_unchanged() -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    for kind in ("lifespan", "websocket"):
        await pipeline_over(app)({"type": kind}, None, None)  # pyright: ignore[reportArgumentType]  # the app uses neither
    assert scopes == [{"type": "lifespan"}, {"type": "websocket"}]


async def test_every_request_has_a_line_in_the_access_log() -> None:
    written: list[bytes] = []
    pipeline = make_pipeline({("GET", "/products/{key:str}"): SingleFastRoute()}, log=AccessLog("json", written.append))
    http = client(pipeline)
    await http.get("/v1/products/chair", headers={"x-request-id": "r1"})
    await http.head("/nowhere", headers={"x-request-id": "r2"})
    pipeline.stop()
    first, second = (msgspec.json.decode(line) for line in b"".join(written).splitlines())
    assert (
        first.items()
        >= {
            "event": "request",
            "request_id": "r1",
            "method": "GET",
            "path": "/v1/products/chair",
            "status": 200,
            "bytes": 16,
        }.items()
    )
    assert first["route"] == "/products/{key:str}"
    assert first["ms"] >= 0
    assert second.items() >= {"request_id": "r2", "method": "HEAD", "status": 404, "bytes": 0}.items()


async def test_a_log_line_is_written_without_waiting_for_another_request() -> None:
    written: list[bytes] = []
    await client(make_pipeline(log=AccessLog("text", written.append), request_timeout=0.1)).get("/plain")
    await asyncio.sleep(0.1)
    assert b" GET /plain 200 " in b"".join(written)
