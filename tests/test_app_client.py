"""The fast client of the tests sends what httpx sends and returns what httpx returns."""

from typing import Any

import httpx
import pytest

from tests.app_client import HERE, AppClient

type Messages = list[Any]


class Echo:
    """An app that records what it receives and answers with headers and two parts of a body."""

    def __init__(self) -> None:
        self.received: Messages = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.received += [{**scope, "headers": list(scope["headers"])}, await receive(), await receive()]
        if scope["path"] == "/fail":
            raise ValueError("The app failed.")
        headers = [(b"content-type", b"application/json"), (b"x-two", b"1"), (b"x-two", b"2")]
        cookie = [(b"set-cookie", b"name=value; Path=/")] if scope["path"] == "/cookie" else []
        status = 302 if scope["path"] == "/redirect" else 204 if scope["path"] == "/empty" else 200
        await send({"type": "http.response.start", "status": status, "headers": headers + cookie})
        await send({"type": "http.response.body", "body": b'{"a":', "more_body": True})
        await send({"type": "http.response.body", "body": b"1}"})
        self.received.append(await receive())


async def exchange(client: httpx.AsyncClient, *requests: tuple[str, str, dict[str, Any]]) -> list[Any]:
    """Send requests and return all that can be seen of their responses."""
    seen: list[Any] = []
    for method, url, more in requests:
        try:
            answer = await getattr(client, method.lower())(url, **more)
        except Exception as error:
            seen.append(repr(error))
            continue
        seen.append((answer.status_code, answer.headers.raw, answer.content, answer.text, str(answer.url)))
        seen.append((answer.request.method, answer.request.headers.raw, answer.request.content, dict(client.cookies)))
    return seen


@pytest.mark.parametrize(
    ("method", "url", "more"),
    [
        ("GET", "/v1/products", {}),
        ("get", "/v1/products", {"params": None, "headers": None}),
        ("GET", "/v1/products", {"params": {}}),
        ("GET", "/v1/products", {"params": {"q": "a b&c=ä/?+%", "limit": 5, "empty": "", "on": True, "no": None}}),
        ("GET", "/v1/products", {"params": [("tag", "a"), ("tag", "b")]}),
        ("GET", "/v1/products", {"params": {"tag": ["a", "b"], "bad": "\x00~"}}),
        ("GET", "/v1/products?fields=id,variants{id}&q=%20x", {}),
        ("GET", "/v1/products?", {}),
        ("GET", "/v1/products?q=%zz", {}),
        ("GET", "/v1/products?q=1", {"params": {"limit": 5}}),
        ("GET", "/v1/products?q=1", {"params": {}}),
        ("GET", "/v1/products/a%2Fb", {}),
        ("GET", "/v1/products/ä b", {}),
        ("GET", "/v1/a/../b/./c", {}),
        ("GET", "/.well-known/jwks.json", {}),
        ("GET", "//elsewhere.test/v1", {}),
        ("GET", "/v1//a", {}),
        ("GET", "/v1/a#part", {}),
        ("GET", "/v1/\x01", {}),
        ("GET", f"{HERE}/v1/whole", {}),
        ("GET", "v1/relative", {}),
        ("GET", "/v1/" + "x" * 70_000, {}),
        ("GET", "/v1", {"params": {"q": "x" * 70_000}}),
        ("GET", "/v1", {"headers": {"Accept": "text/plain", "x-new": "1", "Host": "other.test"}}),
        ("GET", "/v1", {"headers": [("x-twice", "1"), ("x-twice", "2")]}),
        ("HEAD", "/v1", {}),
        ("POST", "/v1", {}),
        ("DELETE", "/v1", {}),
        ("POST", "/v1", {"json": {"name": "ä", "n": [1, None]}}),
        ("POST", "/v1", {"json": {}}),
        ("POST", "/v1", {"json": {}, "headers": {"Content-Type": "application/merge-patch+json"}}),
        ("POST", "/v1", {"json": float("nan")}),
        ("PATCH", "/v1", {"content": b"{}", "headers": {"Content-Type": "application/json"}}),
        ("POST", "/v1", {"content": "ä"}),
        ("POST", "/v1", {"content": b""}),
        ("POST", "/v1", {"content": b"abc", "headers": {"Content-Length": "2"}}),
        ("POST", "/v1", {"headers": {"Transfer-Encoding": "chunked"}}),
        ("POST", "/v1", {"content": b"x", "json": {}}),
        ("POST", "/v1", {"data": {"grant_type": "password"}}),
        ("POST", "/v1", {"auth": ("name", "password")}),
        ("GET", "/redirect", {}),
        ("GET", "/empty", {}),
        ("GET", "/fail", {}),
    ],
)
@pytest.mark.parametrize("raises", [True, False])
async def test_the_messages_and_the_response_are_those_of_httpx(
    method: str, url: str, more: dict[str, Any], raises: bool
) -> None:
    headers = {"X-API-Key": "tp_1"}
    fast, slow = Echo(), Echo()
    transport = httpx.ASGITransport(app=slow, client=("10.0.0.1", 7), raise_app_exceptions=raises)
    async with (
        AppClient(fast, headers=headers, address=("10.0.0.1", 7), raise_app_exceptions=raises) as client,
        httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers) as other,
    ):
        request = (method, url, more)
        assert await exchange(client, request) == await exchange(other, request)
    assert fast.received == slow.received


async def test_a_cookie_is_kept_and_sent_as_by_httpx() -> None:
    requests = [("GET", "/cookie", {}), ("GET", "/v1", {}), ("POST", "/v1", {"json": {}})]
    fast, slow = Echo(), Echo()
    async with (
        AppClient(fast) as client,
        httpx.AsyncClient(transport=httpx.ASGITransport(app=slow), base_url=HERE) as other,
    ):
        assert await exchange(client, *requests) == await exchange(other, *requests)
        assert dict(client.cookies) == {"name": "value"}
    assert fast.received == slow.received
    assert (b"cookie", b"name=value") in fast.received[-4]["headers"]


async def test_plain_requests_do_not_pass_through_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(httpx.AsyncClient, "send")
    async with AppClient(Echo()) as client:
        assert (await client.get("/v1/products", params={"fields": "id,variants{id}"})).json() == {"a": 1}
        assert (await client.post("/graphql", json={"query": "{ a }"}, headers={"x": "1"})).json() == {"a": 1}
        with pytest.raises(AttributeError):
            await client.post("/v1", data={"a": "b"})
