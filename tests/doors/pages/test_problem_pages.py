"""`/problems`: the type of every problem is the path of a page."""

from html import escape

import pytest

import tradepost.app  # noqa: F401  (defines the problems of all areas)
from tests.doors.pages.pages_app import BROWSER, pages_app
from tradepost.kit.problems import Problem, all_problems

KINDS = list(all_problems())
JSON = {"accept": "application/json"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
async def test_every_problem_has_a_page_with_cause_and_cure(kind: type[Problem]) -> None:
    async with pages_app() as client:
        page = await client.get(f"/problems/{kind.code}", headers=BROWSER)
        data = (await client.get(f"/problems/{kind.code}", headers=JSON)).json()
    assert page.status_code == 200
    assert f"<h1>{escape(kind.title)}</h1>" in page.text
    assert f"{kind.status} " in page.text
    assert "`" not in page.text.replace("<pre", "\0").split("\0")[0]
    assert data["cause"]
    assert data["cure"] == kind.cure
    assert data["type"] == f"/problems/{kind.code}"
    assert data["example"]["type"] == (
        data["type"] if kind.status != 429 else "https://iana.org/assignments/http-problem-types#quota-exceeded"
    )
    assert {"title", "status", "code", "detail", "instance", "request_id"} <= data["example"].keys()


async def test_the_list_has_every_problem_in_html_and_json() -> None:
    async with pages_app() as client:
        page = (await client.get("/problems", headers=BROWSER)).text
        data = (await client.get("/problems", headers=JSON)).json()["data"]
    assert {item["code"] for item in data} == {kind.code for kind in KINDS}
    assert [item["status"] for item in data] == sorted(item["status"] for item in data)
    assert all(f'href="{item["type"]}"' in page for item in data)


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        (BROWSER["accept"], "text/html; charset=utf-8"),
        ("application/json", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
    ],
)
async def test_the_media_type_follows_accept(accept: str | None, media: str) -> None:
    async with pages_app() as client:
        client.headers.pop("accept")
        answer = await client.get("/problems/validation", headers={"accept": accept} if accept else {})
    assert answer.headers["content-type"] == media
    assert "Accept" in answer.headers["vary"]


async def test_a_media_type_other_than_html_and_json_is_406() -> None:
    async with pages_app() as client:
        assert (await client.get("/problems", headers={"accept": "image/png"})).status_code == 406


@pytest.mark.parametrize("code", ["unknown_code", "<script>", "NOT_FOUND"])
async def test_an_unknown_code_is_404(code: str) -> None:
    async with pages_app() as client:
        answer = await client.get(f"/problems/{code}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


async def test_the_example_of_validation_lists_errors_by_pointer() -> None:
    async with pages_app() as client:
        example = (await client.get("/problems/validation", headers=JSON)).json()["example"]
    assert all(fault["pointer"].startswith("/") for fault in example["errors"])


async def test_a_page_with_a_known_etag_is_304() -> None:
    async with pages_app() as client:
        first = await client.get("/problems/conflict", headers=BROWSER)
        known = BROWSER | {"if-none-match": first.headers["etag"]}
        assert (await client.get("/problems/conflict", headers=known)).status_code == 304
