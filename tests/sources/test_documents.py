"""docs/sources.md and docs/adding-a-source.md are held against the sources."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.sources import ALL
from app.sources.base import Inbound, Source
from tests.running import ROOT
from tests.sources.requests import as_json

TABLE = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/sources.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]
ADDING = (ROOT / "docs/adding-a-source.md").read_text(encoding="utf-8")


def test_the_table_lists_every_source_by_all_its_names_in_their_order() -> None:
    listed = [(row[0].strip("`"), tuple(re.findall(r"`([^`]+)`", row[1]))) for row in TABLE]
    assert listed == [(source.name, source.also) for source in ALL]


def test_every_source_says_what_it_reads_and_how_its_sender_is_proved() -> None:
    assert all(len(row) == 6 and row[2] and row[3] for row in TABLE)


@pytest.mark.parametrize("path", re.findall(r"`((?:app|tests|docs)/[\w./-]+)`", ADDING))
def test_the_files_that_adding_a_source_names_are_there(path: str) -> None:
    assert (ROOT / path).exists() or ("acme" in path and (ROOT / path).parent.is_dir())


def test_adding_a_source_touches_three_files() -> None:
    assert len(set(re.findall(r"^\d\. `([^`]+)`", ADDING, re.MULTILINE))) == 3


def test_the_source_that_is_shown_reads_the_request_that_is_shown() -> None:
    [code] = re.findall(r"^```python\n(.*?)^```", ADDING, re.MULTILINE | re.DOTALL)
    module: dict[str, Any] = {}
    exec(code, module)  # noqa: S102 - the document's own example
    acme: Source = module["ACME"]
    data = {"event": "entry.created", "entry": {"id": "e-81", "answers": [{"label": "E-mail", "value": "a@b.example"}]}}
    sent: Inbound = as_json(data)

    found = acme.parse(sent)

    assert acme.looks_like(sent, data)
    assert found.event_id == "e-81"
    assert [(one.label, one.value) for one in found.entries[0].fields if one.label] == [("E-mail", "a@b.example")]
    assert acme.parse(as_json({**data, "event": "entry.draft"})).note
