"""The peers' own environments, under var/bench: made by uv and npm from the locks beside each peer, once."""

import os
import shutil
import subprocess
import sys
import sysconfig
from hashlib import sha256
from pathlib import Path

from . import machine

HERE = Path(__file__).parent
PEERS = HERE / "peers"
INTO = HERE.parent.parent / "var" / "bench"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class Missing(Exception):
    """A peer that cannot be installed here; the text says why."""


def compile_own() -> None:
    """Tradepost and its packages to bytecode, as in its container; what is compiled already costs a second."""
    folders = [sysconfig.get_path("purelib"), str(HERE.parent.parent / "src"), str(HERE / "limits"), str(PEERS)]
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "-j", "0", *folders],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def install(name: str) -> Path:
    """The folder of a peer's environment, made or renewed if its lock has changed; raises Missing."""
    folder = INTO / name
    locks = [file for file in (PEERS / name / "requirements.lock", PEERS / name / "package-lock.json") if file.exists()]
    mark = sha256(b"".join(file.read_bytes() for file in locks) + sys.version.encode() + b"compiled").hexdigest()
    made = folder / ".made-from"
    if not (made.exists() and made.read_text() == mark):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (_npm if locks[0].name == "package-lock.json" else _uv)(name, folder)
        made.write_text(mark)
    # Node looks for packages beside the file, so the server's file goes there.
    for file in PEERS.joinpath(name).glob("server.mjs"):
        shutil.copy(file, folder)
    return folder


def _uv(name: str, folder: Path) -> None:
    uv = shutil.which("uv") or str(HERE.parent.parent / "var" / "uv" / "bin" / "uv")
    python = str(folder / ".venv" / "bin" / "python")
    _run(name, [uv, "venv", "--quiet", "--python", sys.executable, str(folder / ".venv")])
    _run(
        name,
        [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", str(PEERS / name / "requirements.lock")],
    )


def _npm(name: str, folder: Path) -> None:
    if machine.node() is None:
        raise Missing(f"{name}: node and npm are not present here")
    for file in ("package.json", "package-lock.json"):
        shutil.copy(PEERS / name / file, folder)
    _run(name, ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)])


def _run(name: str, words: list[str]) -> None:
    environ = os.environ | {
        "UV_COMPILE_BYTECODE": "1"
    }  # as containers are built: nobody compiles at the start, or keeps what that leaves in memory
    if CERTIFICATES.exists():  # behind a company's proxy the machine knows certificates that uv's own list lacks
        environ.setdefault("UV_SYSTEM_CERTS", "true")
    try:
        done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise Missing(f"{name}: {Path(words[0]).name} could not be run ({type(fault).__name__})") from fault
    if done.returncode:
        raise Missing(f"{name}: {Path(words[0]).name} {words[1]} ended with {done.returncode}")
