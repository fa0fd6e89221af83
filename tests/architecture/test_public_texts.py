"""Public texts are plain English: OpenAPI, the GraphQL schema, problems, CLI help, e-mails."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from tests.architecture.language import faults
from tests.servers import ROOT
from tradepost.app import TradepostApp, create_app
from tradepost.settings import Settings

TEXT_KEYS = frozenset({"description", "summary", "title"})
TEMPLATES = sorted([path for path in (ROOT / "src").rglob("templates/**/*.*") if path.suffix in (".html", ".txt")])
"""The templates of e-mails and pages."""
MARKUP = re.compile(r"\{%.*?%\}|\{#.*?#\}|<[^>]*>", re.DOTALL)
EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)


@pytest.fixture(scope="module")
def tradepost_app(settings: Settings) -> TradepostApp:
    """An app that is not started: its documents need no database."""
    return create_app(settings)


def openapi_texts(part: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The places and texts of an OpenAPI document, except its examples."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in TEXT_KEYS and isinstance(value, str):
                yield f"{path}/{key}", value
            elif key not in ("example", "examples"):
                yield from openapi_texts(value, f"{path}/{key}")
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from openapi_texts(value, f"{path}/{index}")


def sdl_texts(schema: str) -> Iterator[tuple[str, str]]:
    """The places and descriptions of a GraphQL schema."""
    from graphql import Visitor, parse, visit

    found: list[tuple[str, str]] = []

    class Descriptions(Visitor):
        def enter(self, node: Any, *_: Any) -> None:
            if getattr(node, "description", None) is not None:
                found.append((node.name.value if getattr(node, "name", None) else node.kind, node.description.value))

    visit(parse(schema), Descriptions())
    yield from found


def help_texts(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """The help of a command and of its subcommands and options."""
    context = click.Context(command)
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            child = command.get_command(context, sub)
            if child is not None and child.callback is not None and child.callback.__module__.startswith("tradepost"):
                yield from help_texts(child, f"{name} {sub}")


def template_texts(path: Path) -> Iterator[tuple[str, str]]:
    """The texts of a template: what stands between its tags, and the strings in its expressions."""
    text = path.read_text()
    place = f"{path.parent.name}/{path.name}"
    yield place, EXPRESSION.sub("it", MARKUP.sub("\n", text))
    for expression in EXPRESSION.findall(text):
        for string in re.findall(r'"([^"]*)"', expression):
            yield place, string


def wrong(texts: Iterator[tuple[str, str]]) -> list[str]:
    """The faults of some texts, each with its place."""
    return [f"{place}: {fault!r} in {text!r}" for place, text in texts for fault in faults(text)]


@pytest.mark.parametrize("version", [1, 2])
async def test_openapi_is_plain_english(client: Any, staff: Any, version: int) -> None:
    answer = await staff.get(f"/v{version}/openapi.json")
    assert answer.status_code == 200
    assert wrong(openapi_texts(answer.json())) == []


async def test_the_graphql_schema_is_plain_english(tradepost_app: TradepostApp) -> None:
    assert wrong(sdl_texts(tradepost_app.state.graphql.sdl())) == []


def test_problems_are_plain_english(tradepost_app: TradepostApp) -> None:
    from tradepost.kit.problems import all_problems

    kinds = list(all_problems())
    texts = [(k.code, text) for k in kinds for text in (k.title, k.cure, k.__doc__ or "")]
    assert len(texts) > 60
    assert wrong(iter(texts)) == []


def test_command_help_is_plain_english() -> None:
    from tradepost.cli import _commands

    texts = list(help_texts(_commands(), "tradepost"))
    assert len(texts) > 5
    assert wrong(iter(texts)) == []


def test_templates_of_emails_and_pages_are_plain_english() -> None:
    texts = [text for path in TEMPLATES for text in template_texts(path)]
    assert any("If this wasn't you" in text for _, text in texts)
    assert any("Common passwords are rejected." in text for _, text in texts)
    assert wrong(iter(texts)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Whoever asks is told.",
        "What a product costs.",
        "A address in a list.",
        "The rules of the house.",
        "This is no e-mail address.",
        "Another one was expected.",
    ],
)
def test_the_rules_find_the_dialect(text: str) -> None:
    assert list(faults(text))


@pytest.mark.parametrize("text", ["A user.", "What does it cost?", "Return the product.", "A URL of the shop."])
def test_the_rules_leave_plain_english_alone(text: str) -> None:
    assert not list(faults(text))
