"""The OpenAPI documents pass Redocly's strict rules, and Spectral's OpenAPI and OWASP rules.

scripts/audits gives the reason for each rule that is off.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.once  # the documents do not depend on the database

SETTINGS = ROOT / "scripts" / "audits"
TOOLS = ROOT / "var" / "audits" / "node_modules"
DOCUMENTS = ["openapi.json", "openapi.v2.json"]
SPECTRAL = ["spectral", "lint", "--ruleset", "spectral.mjs", "--fail-severity", "warn"]


@pytest.fixture
def folder(tmp_path: Path, contract: Mapping[str, bytes]) -> Path:
    """A folder with the documents, the settings and the tools."""
    if shutil.which("node") is None or not (TOOLS / ".bin" / "spectral").exists():
        pytest.skip("the audits of the OpenAPI documents need node and npm's packages (scripts/audits/install)")
    (tmp_path / "node_modules").symlink_to(TOOLS)
    for name in DOCUMENTS:
        (tmp_path / name).write_bytes(contract[name])
    for settings in ("redocly.yaml", "spectral.mjs"):
        shutil.copy(SETTINGS / settings, tmp_path)
    return tmp_path


def test_redocly_reports_no_errors_and_no_warnings(folder: Path) -> None:
    settings = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    report = run(folder, "redocly", "lint", "--config", "redocly.yaml", "--format", "json", *DOCUMENTS, **settings)
    totals = " ".join(report.split()).replace("{ ", "{").count('"totals": {"errors": 0, "warnings": 0')
    assert totals == len(DOCUMENTS), report


def test_spectral_and_owasp_report_no_warnings(folder: Path) -> None:
    report = run(folder, *SPECTRAL, *DOCUMENTS)
    assert "No results with a severity of 'warn' or higher found!" in report


def test_spectral_reports_each_invalid_example(folder: Path) -> None:
    """Our version of the rule remembers only the valid ones."""
    schema = {"type": "integer"}
    contents = [{"text/plain": {"schema": schema, "example": value}} for value in (1, "one", 1, "one")]
    responses = {str(200 + n): {"description": "", "content": content} for n, content in enumerate(contents)}
    document = {"openapi": "3.1.0", "info": {}, "paths": {"/": {"get": {"responses": responses}}}}
    (folder / "small.json").write_bytes(msgspec.json.encode(document))
    with pytest.raises(AssertionError) as failure:
        run(folder, *SPECTRAL, "small.json")
    found = [line.split()[-1] for line in str(failure.value).splitlines() if "oas3-valid-media-example" in line]
    assert found == [f"paths./.get.responses[{status}].content.text/plain.example" for status in (201, 203)]


def run(folder: Path, tool: str, *words: str, **environ: str) -> str:
    """Run a tool, which must succeed, and return its output."""
    command = [folder / "node_modules" / ".bin" / tool, *words]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
