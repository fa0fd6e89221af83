"""What was measured on, and how busy it was."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

OURS = ("granian", "litestar", "msgspec", "asyncpg", "sqlalchemy", "strawberry-graphql", "uvloop")


def described() -> str:
    """The processor, the memory, the systems and our own versions, in one line each."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        f"{cores()} cores ({processor()}), {memory:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}",
        f"CPython {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in OURS)}",
    ]
    return "\n".join(f"- {line}" for line in [*lines, f"Node {node() or 'not present: its peers were not measured'}"])


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def processor() -> str:
    """Its name."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()


def node() -> str | None:
    """Node's version without the `v`, if it and npm are there."""
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    return (
        subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
        .stdout.strip()
        .removeprefix("v")
    )


def load() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]


def busy() -> tuple[float, float]:
    """CPU seconds that the whole machine has worked since its start, and those stolen by others on its host."""
    fields = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    tick = os.sysconf("SC_CLK_TCK")
    user, nice, system, _, _, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq) / tick, steal / tick
