"""`/problems`: the type of every problem leads to a page."""

from html import escape

import pytest

import tradepost.app  # noqa: F401  (the problems of the whole shop)
from tests.doors.pages.pages_app import BROWSER, pages_app
from tradepost.kit.problems import Problem, all_problems

KINDS = list(all_problems())
JSON = {"accept": "application/json"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
async def test_every_problem_has_a_page_that_says_cause_and_cure(kind: type[Problem]) -> None:
    async with pages_app() as client:
        page = await client.get(f"/problems/{kind.code}", headers=BROWSER)
        said = (await client.get(f"/problems/{kind.code}", headers=JSON)).json()
    assert page.status_code == 200
    assert f"<h1>{escape(kind.title)}</h1>" in page.text
    assert f"{kind.status} " in page.text
    assert "`" not in page.text.replace("<pre", "\0").split("\0")[0]
    assert said["cause"]
    assert said["cure"] == kind.cure
    assert said["type"] == f"/problems/{kind.code}"
    assert said["example"]["type"] == (
        said["type"] if kind.status != 429 else "https://iana.org/assignments/http-problem-types#quota-exceeded"
    )
    assert {"title", "status", "code", "detail", "instance", "request_id"} <= said["example"].keys()


async def test_the_list_names_every_problem_in_both_forms() -> None:
    async with pages_app() as client:
        page = (await client.get("/problems", headers=BROWSER)).text
        data = (await client.get("/problems", headers=JSON)).json()["data"]
    assert {said["code"] for said in data} == {kind.code for kind in KINDS}
    assert [said["status"] for said in data] == sorted(said["status"] for said in data)
    assert all(f'href="{said["type"]}"' in page for said in data)


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
async def test_the_form_follows_accept(accept: str | None, media: str) -> None:
    async with pages_app() as client:
        client.headers.pop("accept")
        answer = await client.get("/problems/validation", headers={"accept": accept} if accept else {})
    assert answer.headers["content-type"] == media
    assert "Accept" in answer.headers["vary"]


async def test_what_is_neither_page_nor_json_is_406() -> None:
    async with pages_app() as client:
        assert (await client.get("/problems", headers={"accept": "image/png"})).status_code == 406


@pytest.mark.parametrize("code", ["unheard_of", "<script>", "NOT_FOUND"])
async def test_an_unknown_code_is_a_problem_itself(code: str) -> None:
    async with pages_app() as client:
        answer = await client.get(f"/problems/{code}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


async def test_the_example_of_validation_lists_faults_by_pointer() -> None:
    async with pages_app() as client:
        example = (await client.get("/problems/validation", headers=JSON)).json()["example"]
    assert all(fault["pointer"].startswith("/") for fault in example["errors"])


async def test_a_page_that_is_known_is_not_sent_again() -> None:
    async with pages_app() as client:
        first = await client.get("/problems/conflict", headers=BROWSER)
        assert (
            await client.get("/problems/conflict", headers=BROWSER | {"if-none-match": first.headers["etag"]})
        ).status_code == 304
