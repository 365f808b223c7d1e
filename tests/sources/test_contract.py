"""One suite for every source: who may send, what is read, what is kept, and what no bytes may do."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import SignatureRefused
from app.lead import Entry
from app.sources import ALL, SOURCES, source_of
from app.sources.base import Credentials, Inbound, Source
from app.sources.signatures import token
from tests.sources.contract import CASES, STRANGERS, Case, cases_of, content, leaves
from tests.sources.fuzz import ODD, attempt, fuzz, misshapen, mutated

POSTED = [one for one in CASES if one.sample.method == "POST" and one.sample.kind != "handshake"]
SIGNED = [one for one in POSTED if one.made and "in_body" not in one.made]
TIMED = [one for one in SIGNED if "timestamp" in one.made]

every_source = pytest.mark.parametrize("source", ALL, ids=lambda source: source.name)


def each(some: Sequence[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", some, ids=str)


def is_taken(case: Case, inbound: Inbound, *secrets: str, late: timedelta = timedelta(0)) -> bool:
    """Whether the sender is believed; whoever is not is refused, and nothing else is raised."""
    try:
        case.source.verify(inbound, Credentials(secrets), case.sample.now + late)
    except SignatureRefused:
        return False
    return True


class TestEverySource:
    @every_source
    def test_it_has_a_sample_with_a_lead_or_an_id_to_fetch_one_by(self, source: Source) -> None:
        found = [one for one in POSTED if one.source is source]
        assert any(one.brings_a_lead or source.parse(one.sample.inbound).to_fetch for one in found)

    @every_source
    def test_its_samples_say_how_it_is_signed_where_it_is_more_than_a_token(self, source: Source) -> None:
        assert any(one.made for one in cases_of(source)) == (source.verify is not token)

    @every_source
    def test_it_has_a_name_of_its_own(self, source: Source) -> None:
        assert all(SOURCES[name] is source for name in (source.name, *source.also))
        assert "auto" not in (source.name, *source.also)


class TestProof:
    @each(POSTED)
    def test_the_good_is_taken(self, case: Case) -> None:
        assert is_taken(case, case.signed(), case.secret)

    @each([one for one in POSTED if one.made and one.sample.secret])
    def test_a_sample_is_signed_as_its_provider_signs(self, case: Case) -> None:
        assert is_taken(case, case.sample.inbound, case.sample.secret)
        if header := case.made["header"].lower():
            assert case.sample.inbound.headers[header] == case.signed(case.sample.secret).headers[header]

    @each(SIGNED)
    def test_a_changed_body_is_refused(self, case: Case) -> None:
        good = case.signed()
        middle = len(good.body) // 2
        changed = bytes([good.body[middle] ^ 1])
        for body in (good.body[:middle] + changed + good.body[middle + 1 :], good.body[:-1], good.body + b"&a=1", b""):
            assert not is_taken(case, replace(good, body=body), case.secret)

    @each([one for one in SIGNED if "{url}" in one.made.get("of", "")])
    def test_another_address_is_refused(self, case: Case) -> None:
        assert not is_taken(case, replace(case.signed(), url="https://leads.example.com/hooks/other"), case.secret)

    @each(POSTED)
    def test_what_is_not_signed_is_refused(self, case: Case) -> None:
        assert not is_taken(case, case.unsigned, case.secret)

    @each(SIGNED)
    def test_a_changed_signature_is_refused(self, case: Case) -> None:
        good, name = case.signed(), case.made["header"].lower()
        given = good.headers[name]
        for other in ("", " ", given[:-1], given[:-2] + ("AA" if given[-2:] != "AA" else "BB"), "é", "=", f"x{given}"):
            assert not is_taken(case, replace(good, headers={**good.headers, name: other}), case.secret), other

    @each(POSTED)
    def test_another_secret_is_refused(self, case: Case) -> None:
        assert not is_taken(case, case.signed(), "another")
        assert not is_taken(case, case.signed())
        assert not is_taken(case, case.signed(), "")

    @each(POSTED)
    def test_either_of_two_live_secrets_is_taken(self, case: Case) -> None:
        assert is_taken(case, case.signed(), case.secret, "another")
        assert is_taken(case, case.signed(), "another", case.secret)

    @each(TIMED)
    def test_the_stale_and_the_premature_are_refused(self, case: Case) -> None:
        good = case.signed()
        assert is_taken(case, good, case.secret, late=timedelta(minutes=4))
        assert not is_taken(case, good, case.secret, late=timedelta(minutes=6))
        assert not is_taken(case, good, case.secret, late=timedelta(minutes=-6))

    @each(TIMED)
    def test_a_time_that_is_none_is_refused(self, case: Case) -> None:
        good = case.signed()
        stamped = case.made.get("timestamp_header", case.made["header"]).lower()
        for other in ("", "soon", "-1", "9" * 12, "²", "1e9"):
            headers = {**good.headers, stamped: good.headers[stamped].replace(case.moment, other)}
            assert not is_taken(case, replace(good, headers=headers), case.secret), other

    @each(TIMED)
    def test_a_time_beyond_all_years_is_refused(self, case: Case) -> None:
        good = case.signed()
        stamped = case.made.get("timestamp_header", case.made["header"]).lower()
        headers = {**good.headers, stamped: good.headers[stamped].replace(case.moment, "9" * 15)}
        assert not is_taken(case, replace(good, headers=headers), case.secret)


class TestSamples:
    @each(POSTED)
    def test_a_sample_is_read(self, case: Case) -> None:
        found = case.source.parse(case.sample.inbound)
        expected = case.sample.expected
        assert found.entries or found.to_fetch or found.note
        if case.brings_a_lead:
            assert found.entries
            assert (found.note, found.hold, found.spam) == ("", "", "")
        elif case.sample.kind in {"test", "cancellation", "no_contact"}:
            assert found.note or found.hold
            assert found.hold or not (found.entries or found.to_fetch)
        if isinstance(expected, dict) and "event_id" in expected:
            assert found.event_id == expected["event_id"]

    @each([one for one in POSTED if one.source.parse(one.sample.inbound).entries])
    def test_nothing_that_was_sent_is_left_out(self, case: Case) -> None:
        kept = "\n".join(map(told, case.source.parse(case.sample.inbound).entries))
        dropped = (*NOBODY_TYPED, *DROPPED.get(case.source.name, ()), *case.sample.dropped)
        lost = [
            (path, text)
            for path, text in leaves(content(case.sample.inbound))
            if len(text.strip()) > 2 and spelled(text) not in kept and not is_of(path, dropped)
        ]
        assert lost == []


NOBODY_TYPED = (
    "*type",
    "*.kind",
    "*.id",
    "*.ref",
    "*.key",
    "*uuid",
    "created_at",
    "createdAt",
    "event",
    "triggerEvent",
)
"""What a builder calls its inputs and its events; the ids of questions and choices."""
DROPPED = {
    "calcom": ("payload.responses.*.label",),  # of a question that was not answered
    "calendly": ("created_by",),
    "fillout": ("submission.questions.name",),  # of a question that was not answered
    "fluent-forms": ("__submission.user_inputs.*",),  # the answers, once more
    "formstack": ("HandshakeKey", "Name"),  # the secret; the parts of a name, which are kept each
    "intercom": ("app_id", "id", "topic", "delivery_status"),
    "jotform": ("pretty",),  # the answers, once more
    "tally": (  # what was not chosen; the ids of what was
        "data.fields.label", "data.fields.value", "data.fields.options.*", "data.fields.value.mimeType",
    ),
    "typeform": (  # the questions, and where the form stands
        "event_id", "form_response.form_id", "form_response.token", "form_response.*_at", "form_response.definition.*",
        "form_response.*_url", "form_response.ending.*", "form_response.answers.choices.ids",
        "form_response.answers.choices.refs",
    ),
    "webflow": ("payload.schema.*",),
    "wufoo": ("HandshakeKey", "FieldStructure.*", "FormStructure.*"),
}  # fmt: skip
"""What a source leaves out because nobody typed it: secrets, ids, and what is there twice."""


def told(entry: Entry) -> str:
    return spelled("\n".join(f"{one.key} {one.label} {one.value} {one.kind}" for one in entry.fields))


def spelled(text: str) -> str:
    return " ".join(text.split()).casefold()


def is_of(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, one) for one in patterns)


NO_MARK = {
    **dict.fromkeys(
        ("form-12-netlify-basic", "form-13-netlify-phone-only", "form-14-netlify-address",
         "form-23-spam-netlify-bot-field", "form-64-tax-form-fullname"),
        "what a browser posts to Netlify, before Netlify has made its own of it",
    ),
    **dict.fromkeys(
        ("form-09-full-name-phone", "form-10-formspree-replyto", "form-11-formspree-privacy-checkbox",
         "form-21-hyphen-names", "form-24-spam-gotcha", "form-71-fetch-json-axios"),
        "what a browser posts to Formspree, before Formspree has made its own of it",
    ),
    "formspree-handshake": "an empty body; the echo of X-Hook-Secret is any server's",
    "elementor-01-simple": "labels and values, which the site's owner chose",
    "gravity-01-selected-fields-json": "keys that the site's owner chose",
    "meta-01-zapier-flat": "keys that an automation chose",
    "meta-03-verify-get": "a GET without a body; the challenge is echoed for any server",
}  # fmt: skip
"""Samples that say nothing of their provider, and why; `auto` reads them as anybody's."""
ANYBODYS = {"html", "json", "zapier"}


class TestRecognition:
    @each([one for one in CASES if one.source.name not in ANYBODYS and one.sample.name not in NO_MARK])
    def test_auto_knows_whose_a_request_is(self, case: Case) -> None:
        assert source_of("auto", case.sample.inbound).name == case.source.name

    @each([one for one in CASES if one.source.name in ANYBODYS or one.sample.name in NO_MARK])
    def test_auto_takes_nobodys_for_a_providers(self, case: Case) -> None:
        assert source_of("auto", case.sample.inbound).name == "json"

    def test_the_list_of_those_without_a_mark_holds_samples_only(self) -> None:
        assert NO_MARK.keys() <= {one.sample.name for one in CASES}

    def test_auto_takes_no_stranger_for_a_provider(self) -> None:
        assert [one.name for one in STRANGERS if source_of("auto", one.inbound).name != "json"] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def restructured(draw: st.DrawFn, data: Any) -> Any:
    """The data with something below dropped, replaced, wrapped or doubled."""
    items = list(data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ())
    if not items or draw(st.integers(0, 5)) == 0:
        return draw(JSON)
    key, value = draw(st.sampled_from(items))
    other = draw(
        st.sampled_from([[value], {"value": value}, [value, value], json.dumps(value, default=str)])
        | (restructured(value) if isinstance(value, dict | list) else JSON)
    )
    changed = {**data} if isinstance(data, dict) else [*data]
    changed[key] = other
    if draw(st.booleans()):
        del changed[draw(st.sampled_from(items))[0]]
    return changed


class TestAnyBytes:
    @each(CASES)
    def test_a_value_of_another_type_anywhere_raises_only_errors_of_sources(self, case: Case) -> None:
        for inbound in misshapen(case.signed(), random.Random(case.sample.name), 2):
            attempt(case.source, inbound, case.secret, case.sample.now)

    @each(CASES)
    def test_changed_bytes_raise_only_errors_of_sources(self, case: Case) -> None:
        chance = random.Random(case.sample.name)
        for _ in range(15):
            attempt(case.source, mutated(case.signed(), chance), case.secret, case.sample.now)

    @every_source
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_another_structure_raises_only_errors_of_sources(self, source: Source, data: st.DataObject) -> None:
        case = data.draw(st.sampled_from(cases_of(source)))
        body = content(case.sample.inbound)
        for _ in range(data.draw(st.integers(1, 3))):
            body = data.draw(restructured(body))
        inbound = replace(case.signed(), body=json.dumps(body).encode())
        attempt(source, inbound, case.secret, case.sample.now)

    @pytest.mark.slow
    def test_chance_finds_nothing_else(self) -> None:
        is_ci = "CI" in os.environ  # there the same things are tried each time, as Hypothesis does
        fuzz(seconds=15, seed=0 if is_ci else random.SystemRandom().randrange(10**9))
