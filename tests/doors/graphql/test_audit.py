"""The real server passes every MUST and SHOULD audit of npm's `graphql-http`."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers import ROOT, SECRET_KEY, free_port
from tradepost.settings import Settings

FOLDER = ROOT / "var" / "audits"


@pytest.fixture
def url(fresh_settings: Callable[[], Settings], tmp_path: Path) -> Iterator[str]:
    """The GraphQL URL of a running server."""
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": fresh_settings().database_url,
        "SECRET_KEY": SECRET_KEY,
        "PORT": str(port),
        "ACCESS_LOG": "off",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tradepost", "run"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    try:
        yield wait_until_ready(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(timeout=15)


def wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> str:
    """Wait until the server is ready, and return its GraphQL URL."""
    for _ in range(300):
        try:
            if httpx.get(f"{address}/health/ready").status_code == 200:
                return f"{address}/graphql"
        except httpx.TransportError:
            assert process.poll() is None, "the server has ended"
        time.sleep(0.1)
    raise TimeoutError("the server was not ready after 30 seconds")


def test_every_audit_of_graphql_over_http_passes(url: str) -> None:
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "graphql-http").is_dir():
        pytest.skip("the audit of GraphQL over HTTP needs node and npm's graphql-http (scripts/audits/install)")
    done = subprocess.run(
        [node, Path(__file__).with_name("audit.mjs"), FOLDER, url],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    audits = json.loads(done.stdout)
    assert len(audits) > 50
    assert [a for a in audits if a["status"] != "ok"] == []
