"""The API is as it is described: a machine reads /openapi.json and tries everything in it against the real app."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

import app.main
from app.config.rates import Rate
from tests.api.conftest import OWNER
from tests.files import HEADERS, PDF, body_of, part
from tests.running import DEMO_TOML, SandboxClient, started

PLENTY = 1_000_000
UNTRUE = "positive_data_acceptance"
"""A check that what is shaped well is taken: of a cursor, an address and a form's name no shape says whether it is."""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_schemathesis_finds_no_fault(sandbox: SandboxClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.main, "STRANGERS", (Rate(PLENTY, 60),))
    with ExitStack() as stack:
        many = f"{PLENTY}/minute"
        client = started(stack, sandbox, tmp_path, DEMO_TOML, api_token=OWNER, rate_limit_token=many)
        client.post(
            "/forms/contact", content=body_of((part("email", b"a@example.com"), part("cv", PDF))), headers=HEADERS
        )
        chosen = ("--include-path-regex", "^/api/v1", "--exclude-path-regex", "/events$", "--exclude-checks", UNTRUE)
        bounds = ("--max-examples", "4", "--generation-deterministic", "--no-shrink")
        words = ("run", f"{client.base_url}/openapi.json", "-H", f"Authorization: Bearer {OWNER}", "--no-color")
        script = Path(sys.executable).with_name("schemathesis")
        done = subprocess.run(
            [script, *words, *chosen, *bounds], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "GET /api/v1/leads" not in done.stdout  # nothing is said of what is right
    assert "passed" in done.stdout


def test_every_route_says_its_scope_its_answers_and_its_problems(api: httpx.Client) -> None:
    described = api.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    ours = {path: one for path, one in described["paths"].items() if path.startswith("/api/v1")}
    assert len(ours) > 10
    for path, operations in ours.items():
        for method, one in operations.items():
            assert one["summary"], path
            assert one["description"], path
            assert {"401", "403", "422", "429", "503"} <= one["responses"].keys(), path
            for status, response in one["responses"].items():
                assert (list(response["content"]) == ["application/problem+json"]) is (int(status) >= 400), (
                    path,
                    status,
                )
            if method == "post" and "requestBody" in one:
                assert {"408", "413"} <= one["responses"].keys(), path
    accepted = ours["/api/v1/leads"]["post"]["responses"]["202"]["content"]["application/json"]["schema"]["$ref"]
    assert accepted == "#/components/schemas/Accepted"
    assert described["components"]["schemas"]["OneLead"]["example"]["email"] == "ada@example.com"
