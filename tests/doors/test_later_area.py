"""The checks of an area that stands after all others. They have a process of their own."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.servers import ROOT, Run, redis_url


def test_the_checks_of_the_later_area(run: Run, pytestconfig: pytest.Config, worker_id: str) -> None:
    database = str(pytestconfig.getoption("--database"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"]
    checks = ["--database", database, "tests/later_area/checks.py"]
    redis = redis_url(run, worker_id)
    # It is part of this run, whose template database it copies.
    part = replace(run, redis=(redis.rpartition("/")[0] + "/15",) if redis else ())
    environment = os.environ | part.environ()
    result = subprocess.run([*command, *checks], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
