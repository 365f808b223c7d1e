"""Every sample of a provider's request becomes the lead that a careful person would make of it."""

from __future__ import annotations

import pytest

from tests.samples import Sample, judge, samples

every_sample = pytest.mark.parametrize("sample", samples("*/*"), ids=lambda sample: sample.name)


@every_sample
@pytest.mark.parametrize("as_auto", [False, True], ids=["named", "auto"])
def test_a_sample_becomes_the_lead_that_is_expected(sample: Sample, as_auto: bool) -> None:
    assert judge(sample, as_auto=as_auto) == []
