"""The order of the test modules names modules that exist."""

from tests.schedule import COMPUTING, WAITING
from tests.servers import ROOT


def test_every_module_of_the_order_exists() -> None:
    assert [path for path in (*COMPUTING, *WAITING) if not (ROOT / path).exists()] == []
