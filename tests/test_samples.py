"""The requests that providers really send, posted at their endpoints, are the expected leads at AgencyHandy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.running import DEMO_TOML, SandboxClient, eventually
from tests.samples import Sample, differences, samples

Start = Callable[..., httpx.Client]


def demo_with_secrets_of(typeforms: list[Sample]) -> str:
    """The demo's relay.toml, whose Typeform hook also takes the samples' secrets: several are live at once."""
    secrets = json.dumps(["demo-typeform-secret", *(one.secret for one in typeforms if one.secret)])
    unsigned = '\n[hooks.unsigned]\nsource = "typeform"\nopen = true\n'
    return DEMO_TOML.read_text(encoding="utf-8").replace('["demo-typeform-secret"]', secrets) + unsigned


def test_every_sample_of_forms_typeform_and_zapier_becomes_the_expected_lead(
    relay: Start, sandbox: SandboxClient, secrets: dict[str, str]
) -> None:
    typeforms, zaps = samples("builders/typeform-*"), samples("sites/zapier-*")
    forms = samples("sites/form-*", "sites/carrd-*", "sites/cf7-*", "sites/elementor-*")
    client = relay(demo_with_secrets_of(typeforms))
    places = [
        *((one, "/forms/contact") for one in forms),
        *((one, "/hooks/typeform" if one.secret else "/hooks/unsigned") for one in typeforms),
        *((one, f"/hooks/zapier?token={secrets['zapier']}") for one in zaps),
    ]
    for sample, path in places:
        answer = client.post(path, content=sample.body, headers=dict(sample.headers))
        assert answer.status_code in {200, 303}, f"{sample.name}: {answer.status_code} {answer.text}"

    deliverable = [one for one, _ in places if not one.is_spam and all(person["email"] for person in one.people)]
    eventually(lambda: len(sandbox.members()) >= len(deliverable), "every lead arrives")
    members = {member["email"].casefold(): member for member in sandbox.members()}
    assert len(members) == len(deliverable)
    for sample in deliverable:
        arrived = [members.get(person["email"].casefold(), {}) for person in sample.people]
        assert differences(sample, arrived) == []


def test_a_typeform_without_an_address_is_held_with_its_phone(
    relay: Start, sandbox: SandboxClient, tmp_path: Path
) -> None:
    [sample] = samples("builders/typeform-missing-answers")
    client = relay(demo_with_secrets_of([sample]))
    answer = client.post("/hooks/typeform", content=sample.body, headers=dict(sample.headers))

    assert [lead["state"] for lead in answer.json()["leads"]] == ["held"]
    assert sandbox.members() == []
