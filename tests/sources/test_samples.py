"""Every sample of a provider's request becomes the lead that a careful person would make of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.endpoints import Endpoint, Form, Hook
from app.lead import LeadState
from app.reader import read
from app.sources.base import Inbound
from tests.samples import Sample, differences, samples

NOW = datetime(2026, 5, 19, 8, 45, tzinfo=UTC)
SAMPLES = samples(
    "sites/form-*", "sites/carrd-*", "sites/cf7-*", "sites/elementor-*", "sites/zapier-*", "builders/typeform-*"
)


def endpoint_of(sample: Sample) -> Endpoint:
    """Where such a request is sent to: a hook of its provider, signed where the sample is, or a form."""
    if sample.provider not in {"zapier", "typeform"}:
        return Form(name="contact")
    if not sample.secret:
        return Hook(name=sample.provider, source=sample.provider, open=True)
    return Hook.model_validate({"name": sample.provider, "source": sample.provider, "secrets": [sample.secret]})


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_becomes_the_lead_that_is_expected(sample: Sample) -> None:
    headers = {name.lower(): value for name, value in sample.headers.items()}

    reading = read(Inbound(sample.body, headers), endpoint_of(sample), NOW)

    leads = reading.submission.leads
    assert reading.problem is None
    if sample.is_spam:
        assert [lead.state for lead in leads] == [LeadState.SPAM]
        return
    assert differences(sample, leads) == []
    assert [lead.state for lead in leads] == [
        LeadState.PENDING if person["email"] else LeadState.HELD for person in sample.people
    ]
    assert reading.submission.event_id == sample.people[0]["event_id"]
