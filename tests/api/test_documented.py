"""docs/api.md is as the API is: its lines run as they stand, its tables are whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import httpx

from app.api.acts import PLAIN
from app.outbox.records import SCOPES
from tests.api.conftest import OWNER, bearer
from tests.running import ROOT

DOCUMENT = (ROOT / "docs/api.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `([^`]+)` \| `?([^|`]+)`? \|", re.MULTILINE)
ONCE = 'curl() { command curl --fail-with-body --silent --show-error --max-time 20 "$@"; echo; }\nset -e\n'

Start = Callable[..., httpx.Client]


def blocks(language: str) -> list[str]:
    return [dedent(text) for kind, text in BLOCK.findall(DOCUMENT) if kind == language]


def test_its_lines_run_as_they_stand(relay: Start, tmp_path: Path) -> None:
    assert shutil.which("curl")
    client = relay(api_token=OWNER)
    client.headers.update(bearer(OWNER))
    hook = {"Authorization": "Bearer demo-json-secret"}
    assert client.post("/hooks/json", json={"name": "Hedy", "message": "Hello"}, headers=hook).status_code == 200
    sent = client.post("/api/v1/leads", json={"email": "spam@example.com"}, params={"wait": 10}).json()
    [other] = client.post("/api/v1/leads", json={"email": "spam@example.com", "message": "x"}).json()["leads"]
    [held] = client.get("/api/v1/leads", params={"state": "held"}).json()["data"]
    client.post(f"/api/v1/leads/{other['id']}/spam")
    names = {"LEAD": sent["leads"][0]["id"], "HELD": held["id"], "SPAM": other["id"], "SUBMISSION": sent["id"]}
    ran = 0
    for block in blocks("sh"):
        if "curl" in block and "-N" not in block:
            script = ONCE + block.replace("http://127.0.0.1:8000", str(client.base_url).rstrip("/"))
            environment = {**os.environ, **names, "API_TOKEN": OWNER}
            done = subprocess.run(
                ["bash", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
            assert all(json.loads(line) for line in done.stdout.splitlines() if line.strip())
            ran += 1
    assert ran > 5


def test_the_answers_that_it_shows_have_the_shape_of_the_true_ones(api: httpx.Client) -> None:
    accepted, problem = (json.loads(block) for block in blocks("json"))
    true = api.post("/api/v1/leads", json={"email": "shape@example.com"}).json()
    assert (accepted.keys(), accepted["leads"][0].keys()) == (true.keys(), true["leads"][0].keys())
    wrong = {"leads": [{"email": "a@example.com"}, {"email": "b"}]}
    assert api.post("/api/v1/leads", json=wrong).json() == problem


def test_its_tables_have_every_scope_act_and_call(api: httpx.Client) -> None:
    rows = dict(ROW.findall(DOCUMENT))
    assert {name: rows[name] for name in SCOPES} == SCOPES
    assert {name: rows[name] for name in PLAIN} == PLAIN
    for path, operations in api.get("/openapi.json").json()["paths"].items():
        for method, one in operations.items():
            if path.startswith("/api/") and not re.search(r"\{lead_id\}/", path):
                [[scope]] = [needed["token"] for needed in one["security"]]
                assert rows[f"{method.upper()} {path}"] == scope
