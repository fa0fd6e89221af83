"""Hosts, HTTPS, proxies and web origins are checked first of all."""

import pytest

from tests.doors.http.pipeline_app import client

ORIGIN = "https://console.example"


@pytest.mark.parametrize(
    "host", ["shop.example", "SHOP.example:8443", "a.eu.example", "b.a.eu.example", "[::1]:8000", "shop.example."]
)
async def test_a_host_on_the_list_is_served(host: str) -> None:
    answer = await client(allowed_hosts=("shop.example", "*.eu.example", "[::1]")).get("/plain", headers={"host": host})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "shop.example.evil", "eu.example", "xeu.example", "", "shop.example, evil.example"]
)
async def test_a_host_that_is_not_on_the_list_is_refused(host: str) -> None:
    answer = await client(allowed_hosts=("shop.example", "*.eu.example")).get("/plain", headers={"host": host})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "Host")


async def test_a_health_check_by_address_needs_no_host_and_no_tls() -> None:
    answer = await client(allowed_hosts=("shop.example",), https_redirect=True).get(
        "/health/live", headers={"host": "10.0.0.7:8000"}
    )
    assert answer.status_code == 404  # not refused: the small app has no such route


async def test_http_is_redirected_to_https_with_path_and_query() -> None:
    answer = await client(https_redirect=True).post(
        "/v1/products/a%20b?x=1&y=%2F", headers={"host": "shop.example:8000"}
    )
    assert (answer.status_code, answer.headers["location"]) == (308, "https://shop.example/v1/products/a%20b?x=1&y=%2F")
    assert (await client(https_redirect=True, base="https://shop.test").get("/plain")).status_code == 200


async def test_an_invalid_host_is_refused_without_a_redirect() -> None:
    answer = await client(https_redirect=True).get("/plain", headers={"host": "evil.example/@x"})
    assert (answer.status_code, "location" in answer.headers) == (400, False)


async def test_hsts_is_sent_only_over_tls() -> None:
    assert "strict-transport-security" in (await client(hsts=True, base="https://shop.test").get("/plain")).headers
    assert "strict-transport-security" not in (await client(hsts=True).get("/plain")).headers
    assert "strict-transport-security" not in (await client(base="https://shop.test").get("/plain")).headers


async def test_forwarded_headers_are_used_only_from_trusted_proxies() -> None:
    forwarded = {"x-forwarded-for": "198.51.100.1, 192.0.2.8, 10.0.0.2", "x-forwarded-proto": "https"}
    for proxies, expected in (
        (("10.0.0.0/8",), ("192.0.2.8", "https")),
        (("172.16.0.0/12",), ("10.0.0.1", "http")),
        ((), ("10.0.0.1", "http")),
    ):
        answer = await client(address="10.0.0.1", trusted_proxies=proxies).get("/where", headers=forwarded)
        assert (answer.json()["client"], answer.json()["scheme"]) == expected


@pytest.mark.parametrize("chain", ["", "unknown", "192.0.2.8, nonsense", ",,,"])
async def test_with_an_invalid_chain_the_client_is_the_proxy(chain: str) -> None:
    answer = await client(address="10.0.0.1", trusted_proxies=("10.0.0.0/8",)).get(
        "/where", headers={"x-forwarded-for": chain}
    )
    assert answer.json()["client"] == "10.0.0.1"


@pytest.mark.parametrize(
    ("hop", "address"),
    [("[2001:db8::1]:443", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"), ("192.0.2.8:51000", "192.0.2.8")],
)
async def test_a_hop_may_have_a_port(hop: str, address: str) -> None:
    answer = await client(address="10.0.0.1", trusted_proxies=("10.0.0.1",)).get(
        "/where", headers={"x-forwarded-for": hop}
    )
    assert answer.json()["client"] == address


async def test_an_allowed_origin_may_read_every_response_which_varies_by_origin() -> None:
    http = client(cors_origins=(ORIGIN,))
    for path in ("/products", "/nowhere", "/boom", "/plain", "/v9/x"):
        answer = await http.get(path, headers={"origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "ETag" in answer.headers["access-control-expose-headers"]
        assert {"Origin", "Accept-Encoding"} <= set(answer.headers["vary"].split(", "))
    assert "Origin" in (await http.get("/products")).headers["vary"]


async def test_another_origin_gets_no_permission_to_read() -> None:
    answer = await client(cors_origins=(ORIGIN,)).get("/products", headers={"origin": "https://evil.example"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in answer.headers["vary"]


async def test_with_a_star_any_origin_may_read() -> None:
    answer = await client(cors_origins=("*",)).get("/products", headers={"origin": "https://any.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_preflight_needs_no_valid_credential() -> None:
    headers = {
        "origin": ORIGIN,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "x-api-key",
        "x-api-key": "bad",
    }
    answer = await client(cors_origins=(ORIGIN,)).options("/v1/products/chair", headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, ORIGIN)
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert {"X-API-Key", "If-Match", "Idempotency-Key"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )
    refused = await client(cors_origins=(ORIGIN,)).options(
        "/v1/products", headers=headers | {"origin": "https://evil.example"}
    )
    assert "access-control-allow-methods" not in refused.headers


async def test_without_cors_origins_no_origin_may_read() -> None:
    answer = await client().get("/products", headers={"origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" not in answer.headers["vary"]


@pytest.mark.parametrize(
    ("requested", "is_allowed"),
    [
        ("traceparent,tracestate", True),
        ("apollographql-client-name, sentry-trace, baggage, x-custom", True),
        ("x-\u00e4", False),
        ("x:y", False),
        ("x" * 2001, False),
    ],
)
async def test_a_preflight_allows_the_headers_that_are_asked_for(requested: str, is_allowed: bool) -> None:
    headers = {"origin": ORIGIN, "access-control-request-method": "POST"}
    sent = [(n.encode(), v.encode()) for n, v in headers.items()]
    sent.append((b"access-control-request-headers", requested.encode()))
    answer = await client(cors_origins=(ORIGIN,)).options("/graphql", headers=sent)
    allowed = answer.headers["access-control-allow-headers"]
    assert allowed.endswith(f", {requested}") == is_allowed
    assert allowed.startswith("Accept, Authorization, Content-Type")
    assert "access-control-allow-credentials" not in answer.headers
    other = await client(cors_origins=("https://other.example",)).options("/graphql", headers=sent)
    assert "access-control-allow-headers" not in other.headers
