"""Rules for the source text that ruff does not know."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT

VAGUE = frozenset({"found", "made", "said", "given", "told", "own", "at", "of", "it"})
"""Names that say nothing of what they hold."""
LONGEST_LIFE = 3
"""Lines that a vague name may live, from its first to its last use."""

SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

type Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    """All functions of a module."""
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def vague_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The vague locals and parameters that live too long, with the line where each begins."""
    for function in functions(tree):
        lines: dict[str, list[int]] = {}
        arguments = function.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            lines.setdefault(argument.arg, []).append(argument.lineno)
        for node in ast.walk(function):
            if isinstance(node, ast.Name):
                lines.setdefault(node.id, []).append(node.lineno)
        for name, places in lines.items():
            if name in VAGUE and max(places) - min(places) >= LONGEST_LIFE:
                yield min(places), name


def loose_asserts(tree: ast.AST) -> Iterator[int]:
    """The lines of asserts that cannot fail, or whose message is a second comparison."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and (isinstance(node.test, ast.Tuple) or isinstance(node.msg, ast.Compare)):
            yield node.lineno


def unbounded_loops(tree: ast.AST) -> Iterator[int]:
    """The lines of `while` loops on a status code: they hang when the code never comes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.While) and any(
            isinstance(n, ast.Attribute) and n.attr == "status_code" for n in ast.walk(node.test)
        ):
            yield node.lineno


def places(files: list[Path], rule: object) -> list[str]:
    """Where a rule is broken."""
    assert callable(rule)
    return [f"{file.relative_to(ROOT)}:{where}" for file in files for where in rule(ast.parse(file.read_text()))]


def test_names_say_what_they_hold() -> None:
    assert places(SOURCES, vague_names) == []


def test_every_assert_can_fail() -> None:
    assert places(TESTS, loose_asserts) == []


def test_no_test_waits_for_a_status_for_ever() -> None:
    assert places(TESTS, unbounded_loops) == []


@pytest.mark.parametrize("text", ["assert a, b == c", "assert (a, b)"])
def test_the_rule_finds_a_loose_assert(text: str) -> None:
    assert list(loose_asserts(ast.parse(text)))


def test_the_rule_finds_a_vague_name() -> None:
    assert list(vague_names(ast.parse("def f():\n    made = 1\n\n\n    return made"))) == [(2, "made")]
    assert list(vague_names(ast.parse("def f():\n    made = 1\n    return made"))) == []
