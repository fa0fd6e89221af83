"""Descriptions of all problems, made from their classes, for the `/problems` pages and OpenAPI."""

from typing import Any

import msgspec

from tradepost.kit.problems import Problem, all_problems

EXAMPLE_REQUEST_ID = "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e10"


class ProblemDescription(msgspec.Struct):
    """A kind of problem: what happened, what to do, and an example document."""

    type: str
    code: str
    status: int
    title: str
    cause: str
    cure: str
    example: dict[str, Any]


def describe_problem(problem: type[Problem]) -> ProblemDescription:
    """Return the description of a problem class."""
    url = f"/problems/{problem.code}"
    example = {
        "type": url,
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": f"{problem.title}.",
    }
    example |= problem.example | {"instance": "/v1/products", "request_id": EXAMPLE_REQUEST_ID}
    cause = " ".join((problem.__doc__ or "").split())
    return ProblemDescription(url, problem.code, problem.status, problem.title, cause, problem.cure, example)


def describe_problems() -> dict[str, ProblemDescription]:
    """Return the descriptions of all loaded problem classes by code, ordered by status and code.

    A subclass that does not set `code` is the same kind of problem as its parent and is left out.
    """
    problems = sorted(all_problems(), key=lambda problem: (problem.status, problem.code))
    return {problem.code: describe_problem(problem) for problem in problems if "code" in vars(problem)}
