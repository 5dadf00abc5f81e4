"""Programs that know the API only from docs/openapi.json: generated clients and requests.

They run in an environment of their own, `.venv-clients`, which `make clients` creates.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from in_process_api import in_process_api, served

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = PROJECT / ".venv-clients" / "bin"
DOCUMENT = PROJECT / "docs" / "openapi.json"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


@pytest.fixture
def url() -> Iterator[str]:
    """The URL of the API for the sender `shop`."""
    with in_process_api() as apis, served(apis("shop")) as url:
        yield url


def run(tool: str, *arguments: str | Path, cwd: Path) -> str:
    """Run a tool in the clients' environment; return its output."""
    done = subprocess.run(  # noqa: S603 -- our own tools
        [TOOLS / tool, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-5_000:]
    return done.stdout


def test_a_generated_client_sends_reads_and_lists(tmp_path: Path, url: str) -> None:
    options = ("--meta", "none", "--output-path", tmp_path / "homing_client")
    run("openapi-python-client", "generate", "--path", DOCUMENT, *options, cwd=tmp_path)
    script = (PROJECT / "tests" / "clients" / "generated_client.py").read_text(encoding="utf-8")
    (tmp_path / "use.py").write_text(script, encoding="utf-8")
    run("python", "use.py", url, cwd=tmp_path)


def test_there_is_one_named_model_for_the_message(tmp_path: Path) -> None:
    pydantic = ("--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin")
    files = ("--input", DOCUMENT, "--input-file-type", "openapi", "--output", "models.py")
    run("datamodel-codegen", *files, *pydantic, cwd=tmp_path)
    use = (
        "from models import MessageRequest as M; "
        "print(M(payload=1, targetUrl='https://example.com/').model_dump_json(exclude_unset=True))"
    )
    said = run("python", "-c", use, cwd=tmp_path)
    assert said == '{"targetUrl":"https://example.com/","payload":1}\n'
    assert "class MessageRequest1" not in (tmp_path / "models.py").read_text(encoding="utf-8")


def test_generated_requests_get_the_answers_that_are_documented(tmp_path: Path, url: str) -> None:
    """No request causes a 5xx, and every response matches its schema."""
    amount = ("--max-examples", "10", "--seed", "1", "--phases", "fuzzing")
    checks = ("--checks", ",".join(CHECKS))
    run("schemathesis", "run", DOCUMENT, "--url", url, *checks, *amount, cwd=tmp_path)
