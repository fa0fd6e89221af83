"""The real server: it starts, serves with several workers, and stops, also during its start."""

import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests import servers
from tests.servers import free_port
from tradepost.server.huge_pages import can_use_huge_pages
from tradepost.settings import Settings

type Start = Callable[..., subprocess.Popen[str]]
type Server = tuple[subprocess.Popen[str], int]

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For requests without TLS: otherwise httpx reads the certificates of all authorities for each."""


@pytest.fixture
def port() -> int:
    """A free port."""
    return free_port()


@pytest.fixture
def start(fresh_settings: Callable[[], Settings], port: int, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts `tradepost run` with a new demo shop; stop what still runs."""
    with starting(fresh_settings().database_url, port, tmp_path) as run:
        yield run


@pytest.fixture(scope="module")
def shared(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A ready server, for tests that only send requests."""
    port = free_port()
    with starting(module_settings.database_url, port, tmp_path_factory.mktemp("shared")) as run:
        wait_until_ready(process := run(), port)
        yield process, port


@contextmanager
def starting(url: str, port: int, folder: Path) -> Iterator[Start]:
    """Yield a function that starts `tradepost run`; stop what still runs."""
    started: list[subprocess.Popen[str]] = []
    environ = servers.environ(url) | {"PORT": str(port), "ACCESS_LOG": "off"}

    def run(**more: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "tradepost", "run"]
        process = subprocess.Popen(
            words, cwd=folder, env=environ | more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            # A worker survives a killed parent and keeps the pipe open; a live parent restarts it.
            workers = psutil.Process(process.pid).children()
            for member in (process, *workers):
                member.kill()
        process.communicate()


def wait_until_ready(process: subprocess.Popen[str], port: int) -> None:
    """Wait until /health/ready returns 200."""
    for _ in range(300):
        assert process.poll() is None, process.communicate()[0]
        try:
            if get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the server was not ready after 30 seconds")


def get(url: str, **headers: str) -> httpx.Response:
    """Send a GET request by a new connection."""
    return httpx.get(url, headers=headers, verify=NO_CERTIFICATES)


@pytest.mark.once  # the database has no part in it
@pytest.mark.parametrize("chosen", [{}, {"PYTHONMALLOC": "pymalloc"}])
def test_a_worker_uses_huge_pages_unless_the_operator_chose_an_allocator(
    shared: Server, start: Start, port: int, chosen: dict[str, str]
) -> None:
    process, its_port = (start(**chosen), port) if chosen else shared
    wait_until_ready(process, its_port)
    (worker,) = psutil.Process(process.pid).children()
    uses_huge_pages = can_use_huge_pages(chosen)
    assert ("MIMALLOC_ALLOW_LARGE_OS_PAGES" in worker.environ()) is uses_huge_pages
    if uses_huge_pages:  # otherwise there may be some too, if the kernel's setting is `always`
        lines = Path(f"/proc/{worker.pid}/smaps_rollup").read_text().splitlines()[1:]
        assert int(dict(line.split()[:2] for line in lines)["AnonHugePages:"]) > 0


@pytest.mark.once  # the database has no part in it
def test_a_body_is_read_whole_in_one_piece_in_several_and_in_chunks(shared: Server) -> None:
    """All requests use one connection. Granian sets `more_body` on every piece."""
    port = shared[1]
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


@pytest.mark.once  # the database has no part in it
@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_graphql_response_has_the_requested_content_coding(shared: Server, coding: str) -> None:
    query = {"query": "{ products(first: 20) { nodes { id name description createdAt } } }"}
    plain, coded = [
        httpx.post(
            f"http://127.0.0.1:{shared[1]}/graphql",
            json=query,
            headers={"Accept-Encoding": c},
            verify=NO_CERTIFICATES,
        )
        for c in ("identity", coding)
    ]
    assert coded.headers["content-encoding"] == coding
    assert coded.json()["data"] == plain.json()["data"]
    assert len(plain.json()["data"]["products"]["nodes"]) == 20


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_runs_two_workers_and_stops_cleanly(start: Start, port: int, signal_number: signal.Signals) -> None:
    process = start(WORKERS="2")
    wait_until_ready(process, port)
    answers = [get(f"http://127.0.0.1:{port}/v1/products?limit=2").json() for _ in range(8)]
    assert all(answer == answers[0] for answer in answers)
    process.send_signal(signal_number)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output
    assert "Traceback" not in output


def test_a_signal_during_the_start_stops_the_server(start: Start, port: int) -> None:
    process = start()
    while "Spawning" not in (process.stdout.readline() if process.stdout else "Spawning"):
        pass
    time.sleep(0.2)
    process.terminate()
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output


@pytest.mark.once  # the database has no part in it
def test_an_invalid_trusted_document_is_reported_in_one_line_with_exit_status_2(start: Start, tmp_path: Path) -> None:
    (tmp_path / "Card.graphql").write_text("query Card {\n  nothing\n}\n")
    output, _ = (process := start(DOCUMENTS=str(tmp_path), WORKERS="2")).communicate(timeout=60)
    assert process.returncode == 2, output
    assert (
        output.splitlines()[-1]
        == "tradepost: DOCUMENTS: `Card.graphql`, line 2: Cannot query field 'nothing' on type 'Query'."
    )
    assert "Traceback" not in output


def test_with_documents_only_a_server_runs_its_trusted_documents_and_refuses_others(
    start: Start, port: int, tmp_path: Path
) -> None:
    (tmp_path / "Listing.graphql").write_text(
        "query Listing($first: Int!) { products(first: $first) { nodes { name } } }\n"
    )
    process = start(
        DOCUMENTS=str(tmp_path),
        DOCUMENTS_ONLY="on",
        PROFILE="production",
        PUBLIC_URL="https://shop.example",
        SHOP_COUNTRY="DE",
    )
    wait_until_ready(process, port)
    url = f"http://127.0.0.1:{port}"
    first = get(f"{url}/v1/documents/Listing?first=2")
    unchanged = get(f"{url}/v1/documents/Listing?first=2", **{"If-None-Match": first.headers["etag"]})
    other = httpx.post(f"{url}/graphql", json={"query": "{ __typename }"})
    process.terminate()
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output
    assert len(first.json()["data"]["products"]["nodes"]) == 2
    assert (unchanged.status_code, other.status_code) == (304, 403)


def test_prices_in_another_currency_than_the_setting_are_reported_in_one_line_with_exit_status_2(start: Start) -> None:
    output, _ = (process := start(SHOP_CURRENCY="USD")).communicate(timeout=60)
    assert process.returncode == 2, output
    message = "tradepost: SHOP_CURRENCY is `USD`, but the shop has prices in EUR, such as that of the variant `"
    assert output.splitlines()[-1].startswith(message), output
    assert "Set SHOP_CURRENCY=EUR" in output
    assert "Traceback" not in output


@pytest.mark.once  # the database has no part in it
def test_a_port_in_use_is_reported_in_one_line_with_exit_status_2(start: Start, port: int) -> None:
    with closing(socket.create_server(("127.0.0.1", port))):
        output, _ = (process := start()).communicate(timeout=30)
    assert process.returncode == 2
    assert output == (
        f"tradepost: HOST, PORT: cannot listen on `127.0.0.1:{port}`: Address already in use. "
        "Stop the program that listens there, or set PORT.\n"
    )


@pytest.mark.parametrize(
    ("loads", "absent"),
    [("tradepost.app", "alembic redis rich"), ("tradepost.cli, tradepost.server.granian", "litestar sqlalchemy rich")],
)
def test_a_worker_and_its_parent_do_not_import_what_they_do_not_need(loads: str, absent: str) -> None:
    code = f"import sys, {loads}; print(*[name for name in {absent.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
