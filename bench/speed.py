"""How long it takes to read one submission: `python -m bench.speed [--check]`.

Prints the median of typical payloads, whose names have been seen before, and the longest of hostile ones that nobody
has seen; `--check` exits 1 over the limits.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import median
from urllib.parse import urlencode

from app.endpoints import Hook
from app.mapping.people import load_libraries
from app.reader import read
from app.sources.base import Inbound

NOW = datetime(2026, 5, 19, tzinfo=UTC)
HOOK = Hook.model_validate({"name": "speed", "source": "json", "open": True})
TYPICAL_LIMIT_US, HOSTILE_LIMIT_MS = 150, 50
ROUNDS = 300

PLAIN = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "phone": "+44 7700 900184",
    "message": "When does the term start?",
}
TRACKED = {"utm_source": "ads", "utm_medium": "cpc", "gclid": "x1", "page_url": "https://example.com/a?b=c"}
GERMAN = {
    "anrede": "Frau",
    "vorname": "Eva",
    "name": "Klein",
    "plz": "04229",
    "ort": "Leipzig",
    "telefon": "0341 5550178",
    "email": "eva@example.de",
    "betreff": "Website",
    "nachricht": "Wir brauchen eine neue Seite bis Oktober.",
}
JAPANESE = {
    "お名前": "山口 美咲",
    "フリガナ": "ヤマグチ ミサキ",
    "メールアドレス": "misaki@example.jp",
    "お問い合わせ内容": "見積もりをお願いします。",
}
UNNAMED = {f"field_{at}": value for at, value in enumerate(PLAIN.values())}
TYPICAL: dict[str, Mapping[str, object]] = {
    "plain": {**PLAIN, **TRACKED, "company": "Engines", "budget": "5000", "consent": "on"},
    "german": {**GERMAN, "datenschutz": "ja", "budget": "5000"},
    "japanese": {**JAPANESE, "会社名": "みどり工房", "同意する": "同意する"},
    "answers": {"answers": [{"label": key, "value": value, "type": "text"} for key, value in (PLAIN | GERMAN).items()]},
    "unnamed": {**UNNAMED, "field_9": "Leeds", "form_id": "7", "created_at": "2026-05-19 10:00:00"},
}
HOSTILE = {
    "long names": {f"{'name mail お名前 ' * 20}{at}": "Ada" for at in range(100)},
    "addresses": {f"k{at}": f"a{at}@example.com" for at in range(200)},
    "numbers": {f"field_{at}": f"+44 7700 9{at:05}" for at in range(300)},
    "a long text": {"message": "Dr. @ +44 " * 20_000, "email": "ada@example.com"},
    "commas": {f"k{at}": "a@b.co, " * 49 for at in range(50)},
    "titles": {"name": "Dr. " * 100, "email": "ada@example.com"},
}


def main() -> int:
    """Prints the times; 1 where one is over its limit and --check asks."""
    load_libraries()
    slowest = 0.0
    for name, data in TYPICAL.items():
        taken = median(_seconds(data) for _ in range(ROUNDS)) * 1e6
        slowest = max(slowest, taken)
        print(f"{name:12} {taken:8.0f} µs  (median of {ROUNDS})")
    worst = 0.0
    for name, data in HOSTILE.items():
        taken = _seconds(data) * 1e3
        worst = max(worst, taken)
        print(f"{name:12} {taken:8.1f} ms  (once)")
    print(f"typical: at most {slowest:.0f} µs; hostile: at most {worst:.1f} ms")
    return int("--check" in sys.argv and (slowest > TYPICAL_LIMIT_US or worst > HOSTILE_LIMIT_MS))


def _seconds(data: Mapping[str, object]) -> float:
    is_flat = all(isinstance(value, str) for value in data.values())
    body = urlencode(data) if is_flat else json.dumps(data)
    kind = "application/x-www-form-urlencoded" if is_flat else "application/json"
    inbound = Inbound(body.encode(), {"content-type": kind})
    started = time.process_time()
    read(inbound, HOOK, NOW)
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
