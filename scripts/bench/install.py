"""The environments of the peers in var/bench, installed by uv and npm from the locks in peers/."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@cache
def install(name: str) -> Path:
    """Install the environment `python` or `node`, or raise RuntimeError; return its folder."""
    folder = ROOT / "var" / "bench" / name
    shutil.copytree(HERE / "peers" / name, folder, dirs_exist_ok=True)
    if name == "node":
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder))
    else:
        uv, venv = shutil.which("uv") or str(ROOT / "var" / "uv" / "bin" / "uv"), f"{folder}/.venv"
        lock = f"{folder}/requirements.lock"
        _run(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, venv)
        _run(uv, "pip", "sync", "--quiet", "--python", f"{venv}/bin/python", "--require-hashes", lock)
    return folder


def _run(*command: str) -> None:
    environ = os.environ | {"UV_COMPILE_BYTECODE": "1"}
    if CERTIFICATES.exists():
        environ.setdefault("UV_SYSTEM_CERTS", "true")  # for proxies whose certificate only the system knows
    try:
        subprocess.run(command, env=environ, capture_output=True, text=True, timeout=600, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise RuntimeError(f"{error} {getattr(error, 'stderr', '')}") from error
