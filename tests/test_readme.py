"""The README is true: commands work, answers are the server's, links and settings exist.

The commands run in a new folder with a server and the demo shop on SQLite, whatever `--database`
is. So they run only if it is `sqlite`: once in scripts/test.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest

from tests.architecture.language import faults
from tests.servers import ROOT, free_port
from tradepost.cli import shop
from tradepost.doors.pages.guides import FOLDER as GUIDES
from tradepost.settings import Settings

README = (ROOT / "README.md").read_text()
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

NOT_RUN = {
    "scripts/run": "`started_shop` runs its last two commands; the first makes the environment that runs this test",
    "podman": "needs a container engine",
    ".venv/bin/python scripts/new_area.py": "changes the source; tests/architecture/test_new_area.py runs it on a copy",
    "scripts/check": "runs the tests, this one among them",
}
"""The beginnings of blocks that are not run here, and why."""

PRODUCTS_EXPORT = """\
Handle,Title,Type,Option1 Name,Option1 Value,Variant SKU,Variant Price,Status
reef-mug,Reef Mug,Mugs,Colour,Sea green,MUG-SG,14.90,active
reef-mug,,,,Sand,MUG-SA,14.90,
walnut-tray,Walnut Tray,Trays,Title,Default Title,TRAY-1,49.00,active
"""
"""The file that the import commands read."""

# Adds the status of each response to standard error.
PRELUDE = "curl() { command curl --write-out '%{stderr}STATUS %{http_code}\\n' \"$@\"; }\n"


class Block(NamedTuple):
    """Commands that run in one shell, and the JSON that the README shows as their output."""

    commands: str
    shown: Any

    @property
    def is_run(self) -> bool:
        """Whether the commands can run in a test."""
        return not self.commands.startswith(tuple(NOT_RUN))

    @property
    def is_configuration(self) -> bool:
        """Whether the commands change settings: they run before the server starts."""
        return ">> .env" in self.commands

    @property
    def needs_server(self) -> bool:
        """Whether the commands send requests."""
        return "localhost:8000" in self.commands


def read_blocks() -> list[Block]:
    """Return the blocks of commands, each with the JSON block that follows it directly."""
    fences = list(FENCE.finditer(README))
    blocks: list[Block] = []
    for fence, following in zip(fences, [*fences[1:], None], strict=True):
        if fence[1] == "sh":
            has_answer = following is not None and following[1] == "json"
            is_next = has_answer and README[fence.end() : following.start()].strip() == ""
            blocks.append(Block(fence[2], json.loads(following[2]) if is_next and following else None))
    return blocks


def differences(shown: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Yield where an answer differs from the one shown, in which `...` stands for anything."""
    if shown == "...":
        return
    if isinstance(shown, dict) and isinstance(actual, dict):
        if shown.keys() != actual.keys():
            yield f"{path}: members {sorted(shown)}, not {sorted(actual)}"
        for name in shown.keys() & actual.keys():
            yield from differences(shown[name], actual[name], f"{path}/{name}")
    elif isinstance(shown, list) and isinstance(actual, list) and len(shown) == len(actual):
        for index, (element, other) in enumerate(zip(shown, actual, strict=True)):
            yield from differences(element, other, f"{path}/{index}")
    elif isinstance(shown, str) and isinstance(actual, str) and "..." in shown:
        if not re.fullmatch(".*".join(map(re.escape, shown.split("..."))), actual):
            yield f"{path}: {shown!r}, not {actual!r}"
    elif shown != actual:
        yield f"{path}: {shown!r}, not {actual!r}"


def run_block(block: Block, folder: Path, environ: dict[str, str], port: int) -> Iterator[str]:
    """Run a block and yield its faults: a wrong exit status, HTTP status or answer."""
    script = PRELUDE + block.commands.replace("localhost:8000", f"127.0.0.1:{port}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    statuses = [int(status) for status in re.findall(r"^STATUS (\d+)$", done.stderr, re.MULTILINE)]
    refusal = isinstance(block.shown, dict) and "type" in block.shown and block.shown["status"]
    if done.returncode:
        yield f"exit status {done.returncode}: {done.stdout}{done.stderr}"
    elif len(statuses) != number_of_requests(block.commands):
        yield f"{len(statuses)} responses: {done.stderr}"
    elif any(status != refusal if refusal else status >= 300 for status in statuses):
        yield f"statuses {statuses}: {done.stdout}"
    elif block.shown is not None:
        yield from differences(block.shown, json.loads(done.stdout))


@contextmanager
def started_shop(folder: Path, environ: dict[str, str], port: int) -> Iterator[Callable[[], None]]:
    """Prepare a demo shop and start the server, by the commands of scripts/run.

    Yield a function that waits until the server is ready.
    """
    prepare, run = [
        line.removeprefix("exec ").removesuffix(' "$@"').split()
        for line in (ROOT / "scripts/run").read_text().splitlines()[-2:]
    ]
    assert (prepare[:2], run) == (["tradepost", "prepare"], ["tradepost", "run"])
    subprocess.run(prepare, cwd=folder, env=environ, capture_output=True, check=True, timeout=60)
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(run, cwd=folder, env=environ, stdout=output, stderr=output)
    try:
        yield lambda: wait_until_ready(process, port, log)
    finally:
        children = psutil.Process(process.pid).children() if process.poll() is None else []
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            for member in (process, *children):
                member.kill()
            process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server responds."""
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(log.read_text())


def commands_work(folder: Path) -> Iterator[str]:
    """Run all blocks that can run.

    Settings come first; commands that need no server run while it starts.
    """
    port = free_port()
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "products_export.csv").write_text(PRODUCTS_EXPORT)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {"PATH": path, "HOME": str(folder), "PORT": str(port), "ACCESS_LOG": "off"}
    blocks = [block for block in read_blocks() if block.is_run]

    def faults_of(*chosen: Block) -> list[str]:
        return [f"{block.commands}{fault}" for block in chosen for fault in run_block(block, folder, environ, port)]

    yield from faults_of(*[block for block in blocks if block.is_configuration])
    with started_shop(folder, environ, port) as wait:
        yield from faults_of(*[block for block in blocks if not block.needs_server and not block.is_configuration])
        wait()
        yield from faults_of(*[block for block in blocks if block.needs_server])


def other_commands_exist(folder: Path) -> Iterator[str]:
    """Check that the scripts, commands and options of the blocks that do not run exist."""
    blocks = [block for block in read_blocks() if not block.is_run]
    unused = [start for start in NOT_RUN if not any(block.commands.startswith(start) for block in blocks)]
    yield from [f"{start} is not in the README" for start in unused]
    for block in blocks:
        for script in re.findall(r"(?<!\S)scripts/\w+(?:\.py)?", block.commands):
            is_runnable = script.endswith(".py") or os.access(ROOT / script, os.X_OK)
            if not (ROOT / script).is_file() or not is_runnable:
                yield script
        for name, options in re.findall(r"tradepost ([a-z-]+)(.*)", block.commands):
            command = shop.commands.get(name)
            known = [option for parameter in command.params for option in parameter.opts] if command else []
            yield from [f"tradepost {name} {o}" for o in re.findall(r"--[a-z-]+", options) if o not in known]
            if command is None:
                yield f"tradepost {name}"
    if not (ROOT / "Containerfile").is_file():
        yield "Containerfile"


def links_lead_to_files(folder: Path) -> Iterator[str]:
    """Check the links, and that all guides are linked."""
    targets = re.findall(r"\]\(([^)]*)\)", README)
    yield from [target for target in targets if not (ROOT / target).is_file()]
    yield from [guide.name for guide in GUIDES.glob("*.md") if str(guide.relative_to(ROOT)) not in targets]


def number_of_requests(commands: str) -> int:
    """Return how many requests commands send: by curl, or by a function that calls it."""
    functions: list[str] = re.findall(r"^(\w+)\(\) \{.*\bcurl .*\}$", commands, re.MULTILINE)
    calls = sum([len(re.findall(rf"\b{name} '", commands)) for name in functions])
    return commands.count("curl ") - len(functions) + calls


def settings_exist(folder: Path) -> Iterator[str]:
    """Check that each setting that is named is one, and that the table has ten."""
    names = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=\w+)?`", README))
    rows = re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)
    documented = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    yield from sorted((names | {*rows}) - {field.upper() for field in Settings.__struct_fields__})
    yield from sorted({*rows} - {*documented})
    if len(rows) != 10:
        yield f"{len(rows)} rows"


def prose_is_plain_english(folder: Path) -> Iterator[str]:
    """Check the prose of README and CHANGELOG by the rules of texts for users."""
    for text in (README, (ROOT / "CHANGELOG.md").read_text()):
        yield from faults(FENCE.sub("", text))


CHECKS = (other_commands_exist, links_lead_to_files, settings_exist, prose_is_plain_english)

type Check = Callable[[Path], Iterator[str]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the commands only in the run on SQLite."""
    if "check" in metafunc.fixturenames:
        is_sqlite = metafunc.config.getoption("--database") == "sqlite"
        checks = (commands_work, *CHECKS) if is_sqlite else CHECKS
        metafunc.parametrize("check", checks, ids=[check.__name__ for check in checks])


def test_the_readme_is_true(check: Check, tmp_path: Path) -> None:
    assert list(check(tmp_path)) == []


@pytest.mark.parametrize(
    ("shown", "actual", "number"),
    [
        ({"a": 1, "b": "x..."}, {"a": 1, "b": "xyz"}, 0),
        ({"a": "..."}, {"a": [1, 2]}, 0),
        ({"a": 1}, {"a": 1, "b": 2}, 1),
        ({"a": "x..."}, {"a": "yz"}, 1),
        ([1, 2], [1], 1),
        ([{"a": 1}], [{"a": 2}], 1),
    ],
)
def test_a_wrong_answer_is_noticed(shown: Any, actual: Any, number: int) -> None:
    assert len(list(differences(shown, actual))) == number
