"""What people write and what robots write, judged by words alone: genuine.toml, spam.toml and pitches.toml."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.config.endpoints import Form
from app.intake.spam import vocabulary as vocabulary_module
from app.intake.spam.case import Case
from app.intake.spam.layers import LAYERS, Verdict, weigh
from app.intake.spam.said import said
from app.reader import read
from app.sources import SOURCES
from app.sources.base import Inbound
from tests.running import cpu_seconds
from tests.samples import PAYLOADS, Sample, read_samples

HERE = Path(__file__).parent
FORM = Form(name="contact")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
GENUINE = tomllib.loads((HERE / "genuine.toml").read_text(encoding="utf-8"))["enquiries"]
SPAM = tomllib.loads((HERE / "spam.toml").read_text(encoding="utf-8"))["messages"]
PITCHES = tomllib.loads((HERE / "pitches.toml").read_text(encoding="utf-8"))["messages"]
SAMPLES = read_samples(PAYLOADS)


def case_of(one: dict[str, Any]) -> Case:
    """What is known of a message that was posted as JSON, by a browser that speaks its language if it is told."""
    sent = {name: one[name] for name in ("name", "email", "message")} | one.get("extra", {})
    reading = read(Inbound(json.dumps(sent).encode(), {"content-type": "application/json"}), FORM, NOW)
    [lead], [entry] = reading.submission.leads, reading.entries
    return Case(FORM, lead, said(lead), entry.fields, {"accept-language": one.get("language", "")})


def judged(one: dict[str, Any]) -> Verdict:
    return weigh(case_of(one))


def test_the_enquiries_of_real_people_are_many_and_in_many_languages() -> None:
    assert len(GENUINE) >= 60
    assert len({one["language"] for one in GENUINE}) >= 15
    assert len(SPAM) >= 60


@pytest.mark.parametrize("one", GENUINE, ids=lambda one: f"{one['language']}-{one['email']}")
def test_no_real_person_is_taken_for_a_robot(one: dict[str, Any]) -> None:
    assert not judged(one).is_spam, judged(one).signs


@pytest.mark.parametrize("one", GENUINE, ids=lambda one: f"{one['language']}-{one['email']}")
def test_nor_is_one_whose_browser_speaks_another_language(one: dict[str, Any]) -> None:
    assert not judged({**one, "language": "en"}).is_spam


def test_nine_of_ten_messages_of_robots_are_caught_by_their_words() -> None:
    missed = [one["name"] for one in SPAM if not judged(one).is_spam]

    assert len(missed) <= len(SPAM) / 10, missed


def test_so_are_two_of_three_that_somebody_took_pains_with() -> None:
    missed = [one["message"] for one in PITCHES if not judged(one).is_spam]

    assert len(missed) <= len(PITCHES) / 3, missed


def test_no_subject_alone_is_spam() -> None:
    """Casinos, chemists and lenders have websites made as well."""
    groups = tomllib.loads(Path(vocabulary_module.__file__).with_name("words.toml").read_text(encoding="utf-8"))[
        "groups"
    ]
    subjects = [one for one in groups if one["what"].startswith("speaks of ")]

    assert len(subjects) >= 5
    assert [one["what"] for one in subjects if one["most"] >= FORM.spam.threshold] == []


def test_every_sign_of_spam_has_words_and_no_word_of_the_visitors() -> None:
    for one in SPAM:
        for sign in judged(one).signs:
            assert sign[1].words
            assert one["email"] not in sign[1].words


def test_a_verdict_costs_well_under_a_millisecond() -> None:
    cases = [case_of(one) for one in GENUINE]
    for case in cases:
        weigh(case)

    def once() -> None:
        for case in cases:
            said(case.lead)
            weigh(case)

    assert min(cpu_seconds(once) for _ in range(5)) / len(cases) < 0.0005


def test_no_text_makes_a_verdict_slow() -> None:
    hostile = [
        "your website " * 20000,
        "http://" * 20000,
        "a." * 40000,
        "[url=" * 20000,
        "<a " * 40000,
        "а" * 100000,
        "\u200b" * 100000,
        "aB" * 50000,
        " ".join(f"w{number}.com" for number in range(20000)),
        "-" * 100000 + ".com",
    ]
    for text in hostile:
        case = case_of({"name": "Ada", "email": "ada@example.com", "message": text})
        assert cpu_seconds(partial(said, case.lead)) + cpu_seconds(partial(weigh, case)) < 0.1, text[:20]


def test_every_layer_has_a_name_of_its_own() -> None:
    assert len({layer.name for layer in LAYERS}) == len(LAYERS)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_no_sample_of_a_providers_request_is_taken_for_spam(sample: Sample) -> None:
    """As if a form had been sent it: with all that providers add, and with all that people write in examples."""
    source = sample.provider if sample.provider in SOURCES else "auto"
    form = Form(name="contact", source=source)
    reading = read(sample.inbound, form, sample.now)
    for lead, entry in zip(reading.submission.leads, reading.entries, strict=False):
        case = Case(form, lead, said(lead), entry.fields, {"accept-language": "en"})
        assert sample.is_spam or not weigh(case).is_spam, weigh(case).signs
