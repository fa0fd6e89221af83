"""The checks of an area that stands after all others. They have a process of their own."""

import os
import subprocess
import sys

import pytest

from tests.servers import ROOT, Run, redis_url


def test_the_checks_of_the_later_area(run: Run, pytestconfig: pytest.Config, worker_id: str) -> None:
    database = str(pytestconfig.getoption("--database"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"]
    checks = ["--database", database, "tests/later_area/checks.py"]
    redis = redis_url(run, worker_id)
    servers = {"TEST_DATABASE_URL": run.postgresql, "TEST_REDIS_URL": redis and redis.rpartition("/")[0] + "/15"}
    environment = os.environ | {name: url for name, url in servers.items() if url}
    result = subprocess.run([*command, *checks], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
