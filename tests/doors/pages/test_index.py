"""The entry point `/`, robots.txt and the icon."""

import pytest

from tests.doors.pages.pages_app import BROWSER, STAFF, pages_app


@pytest.mark.parametrize("accept", ["*/*", "application/json", BROWSER["accept"]])
async def test_the_entry_links_to_the_apis_and_documents_in_json(accept: str) -> None:
    async with pages_app() as client:
        answer = await client.get("/", headers={"accept": accept})
    links = answer.json()["links"]
    assert answer.headers["content-type"] == "application/json"
    assert {links[name]["href"] for name in ("rest", "graphql", "docs", "problems")} == {
        "/v1",
        "/graphql",
        "/docs",
        "/problems",
    }
    assert all(link["href"].startswith("/") for link in links.values())


async def test_the_entry_is_a_page_for_clients_that_accept_only_html() -> None:
    async with pages_app() as client:
        answer = await client.get("/", headers={"accept": "text/html"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<a href="/v1">' in answer.text


async def test_without_introspection_the_entry_hides_the_documents_from_anonymous_callers() -> None:
    async with pages_app(introspection=False) as anonymous, pages_app(introspection=False, caller=STAFF) as member:
        assert not {"docs", "openapi", "graphql_schema"} & (await anonymous.get("/")).json()["links"].keys()
        assert "docs" in (await member.get("/")).json()["links"]


async def test_another_media_type_is_406() -> None:
    async with pages_app() as client:
        assert (await client.get("/", headers={"accept": "text/csv"})).status_code == 406


async def test_robots_txt_disallows_every_path() -> None:
    async with pages_app() as client:
        assert (await client.get("/robots.txt")).text == "User-agent: *\nDisallow: /\n"


@pytest.mark.parametrize("path", ["/favicon.ico", "/favicon.svg"])
async def test_the_icon_is_an_svg(path: str) -> None:
    async with pages_app() as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith("<svg")


@pytest.mark.parametrize("path", ["/", "/docs", "/problems", "/health/ready", "/robots.txt"])
async def test_a_post_to_a_page_is_405(path: str) -> None:
    async with pages_app() as client:
        answer = await client.post(path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
