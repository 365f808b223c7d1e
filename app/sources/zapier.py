"""`zapier`: Webhooks by Zapier, and alike Make, n8n, Pabbly or Power Automate: the user types the keys.

Flat or nested JSON, `a__b` keys, an array of people, form-encoded, or raw text. No signature and no id of its own:
https://help.zapier.com/hc/en-us/articles/8496326446989-Send-webhooks-in-Zaps
"""

from __future__ import annotations

from app.sources.base import Source
from app.sources.envelope import anyone
from app.sources.signatures import token

ZAPIER = Source("zapier", token, anyone, also=("make", "n8n", "pabbly", "ifttt", "power-automate"))
