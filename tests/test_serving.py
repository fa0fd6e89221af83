"""The real server: it starts, serves with several workers, and stops when it is told to, also while it is still starting."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest

from tests import servers
from tradepost.server.huge_pages import can_use_huge_pages
from tradepost.settings import Settings

type Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def start(fresh_settings: Callable[[], Settings], port: int, tmp_path: Path) -> Iterator[Start]:
    """Starts `tradepost run` over a demo shop of its own; whatever a test leaves running is ended."""
    started: list[subprocess.Popen[str]] = []
    environ = servers.environ(fresh_settings().database_url) | {"PORT": str(port), "ACCESS_LOG": "off"}

    def run(**more: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "tradepost", "run"]
        process = subprocess.Popen(
            words, cwd=tmp_path, env=environ | more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            # A worker outlives a parent that is killed, and holds the pipe; a parent that lives starts a new one.
            workers = psutil.Process(process.pid).children()
            for one in (process, *workers):
                one.kill()
        process.communicate()


def ready(process: subprocess.Popen[str], port: int) -> httpx.Response:
    """The first answer of /health/ready that is good."""
    for _ in range(300):
        assert process.poll() is None, process.communicate()[0]
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/health/ready")
            if answer.status_code == 200:
                return answer
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the shop did not get ready in 30 seconds")


@pytest.mark.parametrize("chosen", [{}, {"PYTHONMALLOC": "pymalloc"}])
def test_a_worker_has_its_memory_in_large_pages_if_nobody_chose_otherwise(
    start: Start, port: int, chosen: dict[str, str]
) -> None:
    process = start(**chosen)
    ready(process, port)
    (worker,) = psutil.Process(process.pid).children()
    asks = can_use_huge_pages(chosen)
    assert ("MIMALLOC_ALLOW_LARGE_OS_PAGES" in worker.environ()) is asks
    if asks:  # else the kernel may give some unasked, where it always does
        told = dict(line.split()[:2] for line in Path(f"/proc/{worker.pid}/smaps_rollup").read_text().splitlines()[1:])
        assert int(told["AnonHugePages:"]) > 0


def test_a_body_is_read_whole_however_it_comes(start: Start, port: int) -> None:
    """In one piece, in several, and in chunks, one after another on one connection; Granian says of each piece that more may come."""
    ready(start(), port)
    document = b'{"query": "{ __typename }", "variables": {"name": "%b"}}' % (b"x" * 200_000)
    plain = b"POST /graphql HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
    sized = plain + b"Content-Length: %d\r\n\r\n" % len(document)
    chunked = plain + b"Transfer-Encoding: chunked\r\n\r\n"
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in (document[:1], document[1:90_000], document[90_000:])]
    sent = [
        [sized + document],
        [sized, document[:5], document[5:100_000], document[100_000:]],
        [chunked, *chunks, b"0\r\n\r\n"],
        [sized + document],
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, connection.makefile("rb") as answers:
        for pieces in sent:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.05)
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            headers = dict(line.lower().split(b": ", 1) for line in iter(answers.readline, b"\r\n"))
            assert b'{"data":{"__typename":"Query"}' in answers.read(int(headers[b"content-length"]))


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_graphql_answer_comes_in_the_coding_that_was_asked_for(start: Start, port: int, coding: str) -> None:
    ready(start(), port)
    query = {"query": "{ products(first: 20) { nodes { id name description createdAt } } }"}
    plain, coded = [
        httpx.post(f"http://127.0.0.1:{port}/graphql", json=query, headers={"Accept-Encoding": c})
        for c in ("identity", coding)
    ]
    assert coded.headers["content-encoding"] == coding
    assert coded.json()["data"] == plain.json()["data"]
    assert len(plain.json()["data"]["products"]["nodes"]) == 20


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_with_two_workers_and_stops_cleanly(start: Start, port: int, told: signal.Signals) -> None:
    process = start(WORKERS="2")
    ready(process, port)
    answers = [httpx.get(f"http://127.0.0.1:{port}/v1/products?limit=2").json() for _ in range(8)]
    assert all(answer == answers[0] for answer in answers)
    process.send_signal(told)
    said, _ = process.communicate(timeout=10)
    assert process.returncode == 0, said
    assert "Traceback" not in said


def test_a_stop_is_heard_while_it_is_still_starting(start: Start, port: int) -> None:
    process = start()
    while "Spawning" not in (process.stdout.readline() if process.stdout else "Spawning"):
        pass
    time.sleep(0.2)
    process.terminate()
    said, _ = process.communicate(timeout=10)
    assert process.returncode == 0, said


def test_a_document_that_cannot_be_registered_is_one_line_and_exit_2(start: Start, tmp_path: Path) -> None:
    (tmp_path / "Card.graphql").write_text("query Card {\n  nothing\n}\n")
    said, _ = (process := start(DOCUMENTS=str(tmp_path), WORKERS="2")).communicate(timeout=60)
    assert process.returncode == 2, said
    assert (
        said.splitlines()[-1]
        == "tradepost: DOCUMENTS: `Card.graphql`, line 2: Cannot query field 'nothing' on type 'Query'."
    )
    assert "Traceback" not in said


def test_a_served_shop_runs_its_registered_documents_and_no_others(start: Start, port: int, tmp_path: Path) -> None:
    (tmp_path / "Shelf.graphql").write_text(
        "query Shelf($first: Int!) { products(first: $first) { nodes { name } } }\n"
    )
    process = start(DOCUMENTS=str(tmp_path), DOCUMENTS_ONLY="on", PROFILE="production")
    ready(process, port)
    shop = f"http://127.0.0.1:{port}"
    first = httpx.get(f"{shop}/v1/documents/Shelf?first=2")
    known = httpx.get(f"{shop}/v1/documents/Shelf?first=2", headers={"If-None-Match": first.headers["etag"]})
    other = httpx.post(f"{shop}/graphql", json={"query": "{ __typename }"})
    process.terminate()
    said, _ = process.communicate(timeout=10)
    assert process.returncode == 0, said
    assert len(first.json()["data"]["products"]["nodes"]) == 2
    assert (known.status_code, other.status_code) == (304, 403)


def test_a_port_that_is_taken_is_one_line_and_exit_2(start: Start, port: int) -> None:
    with closing(socket.create_server(("127.0.0.1", port))):
        said, _ = (process := start()).communicate(timeout=30)
    assert process.returncode == 2
    assert (
        said.splitlines()[-1]
        == f"tradepost: HOST, PORT: `127.0.0.1:{port}` cannot be listened on: Address already in use."
    )
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("loads", "absent"),
    [("tradepost.app", "alembic redis rich"), ("tradepost.cli, tradepost.server.granian", "litestar sqlalchemy rich")],
)
def test_what_a_worker_and_its_parent_do_not_need_is_not_loaded(loads: str, absent: str) -> None:
    asked = f"import sys, {loads}; print(*[name for name in {absent.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
