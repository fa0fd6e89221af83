"""Servers as processes: started, asked for their CPU time and memory, stopped."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from .asking import ask

PATIENCE = 60  # seconds that a server has to answer for the first time


class Server:
    """A running server: its whole process tree."""

    def __init__(
        self, name: str, command: Sequence[str], environ: Mapping[str, str], folder: Path, probe: bytes
    ) -> None:
        self.name, self.folder = name, folder
        self.port = free_port()
        words = [word.replace("{port}", str(self.port)) for word in command]
        said = {key: value.replace("{port}", str(self.port)) for key, value in environ.items()}
        self.log = folder / f"{name}.log"
        began = time.perf_counter()
        with self.log.open("wb") as log:
            # A group of its own, so that stopping it reaches all of it and nobody else.
            self.popen = subprocess.Popen(words, env=said, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        self.process = psutil.Process(self.popen.pid)
        try:
            self._wait(probe)
        except BaseException:
            self.stop()
            raise
        self.first_answer = time.perf_counter() - began

    def _wait(self, probe: bytes) -> None:
        until = time.perf_counter() + PATIENCE
        while time.perf_counter() < until:
            if self.popen.poll() is not None:
                break
            try:
                if ask(self.port, probe)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"{self.name} does not answer: {self.log.read_text(errors='replace')[-1500:]}")

    def cpu(self) -> float:
        """CPU seconds of the tree so far."""
        return tree_cpu(self.process)

    def memory(self) -> tuple[float, float]:
        """MB: the resident set of its largest process, and the proportional set of the tree."""
        tree = [self.process, *self.process.children(recursive=True)]
        return max(p.memory_info().rss for p in tree) / 1e6, sum(p.memory_full_info().pss for p in tree) / 1e6

    def stop(self) -> None:
        """Ends it, gently first."""
        for how, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            with suppress(ProcessLookupError):
                os.killpg(self.popen.pid, how)
            try:
                self.popen.wait(patience)
                return
            except subprocess.TimeoutExpired:
                continue


def tree_cpu(process: psutil.Process) -> float:
    """CPU seconds of a process and all below it. Linux tells them to the nanosecond; elsewhere they come in ticks, and ended children are counted."""
    return sum(_cpu(member) for member in (process, *process.children(recursive=True)))


def _cpu(process: psutil.Process) -> float:
    try:
        if tasks := [*Path(f"/proc/{process.pid}/task").glob("*/schedstat")]:
            return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9
        return sum(process.cpu_times()[:4])
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return 0.0


def whole_cpu(process: psutil.Process) -> float:
    """The same in ticks, with what ended children had used."""
    return sum(sum(member.cpu_times()[:4]) for member in (process, *process.children(recursive=True)))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
