"""The commands of `tradepost`: each in a process of its own, or in this one."""

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from click.testing import CliRunner

type Done = subprocess.CompletedProcess[str]


def run_process(
    *words: object, environ: Mapping[str, str], folder: Path | None = None, input: str | None = None
) -> Done:
    """Run a command in a process, in this folder."""
    return subprocess.run(
        [sys.executable, "-m", "tradepost", *map(str, words)],
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL if input is None else None,
        input=input,
        capture_output=True,
        text=True,
        timeout=120,
    )


def run_command(*words: object, environ: Mapping[str, str], input: str | None = None) -> Done:
    """Run a command in a thread: a process takes a second of CPU time to start.

    An invalid setting is an exception here: it is reported by `main`, which does not run.
    """
    from tradepost.cli import shop

    only_these: dict[str, str | None] = {**dict.fromkeys(os.environ), **environ}
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(CliRunner().invoke, shop, [*map(str, words)], input=input, env=only_these).result()
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return subprocess.CompletedProcess([*map(str, words)], result.exit_code, result.stdout, result.stderr)
