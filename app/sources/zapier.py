"""`zapier`: Webhooks by Zapier, and alike Make, n8n, Pabbly or Power Automate: the user types the keys.

Flat or nested JSON, `a__b` keys, an array of people, form-encoded, or raw text. No signature and no id of its own:
https://help.zapier.com/hc/en-us/articles/8496326446989-Send-webhooks-in-Zaps
"""

from __future__ import annotations

from app.sources import signatures
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import read_entries


def parse(inbound: Inbound) -> Parsed:
    """An entry a person. Which key is what is the mapping's business."""
    return Parsed(read_entries(inbound))


ZAPIER = Source("zapier", signatures.token, parse)
