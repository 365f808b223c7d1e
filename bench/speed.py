"""How long it takes to map one submission, and to read it whole: `python -m bench.speed [--check]`.

Prints the median of typical payloads, whose fields have been seen before and whose values have not, and the longest of
hostile ones that nobody has seen; `--check` exits 1 over the limits. Other work on the machine only adds, so that each
figure is the least of several.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any
from urllib.parse import urlencode

from app.config.endpoints import Hook
from app.mapping.people import load_libraries
from app.reader import lead_of, read
from app.sources import SOURCES
from app.sources.base import Inbound

NOW = datetime(2026, 5, 19, tzinfo=UTC)
HOOK = Hook.model_validate({"name": "speed", "source": "json", "open": True})
TYPICAL_LIMIT_US, HOSTILE_LIMIT_MS = 150, 50
ROUNDS, BATCHES = 200, 7

PLAIN = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "phone": "+44 20 7946 0184",
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
    "plain": PLAIN,
    "tracked": {**PLAIN, **TRACKED, "company": "Engines", "budget": "5000", "consent": "on"},
    "german": {**GERMAN, "datenschutz": "ja", "budget": "5000"},
    "japanese": {**JAPANESE, "会社名": "みどり工房", "同意する": "同意する"},
    "answers": {"answers": [{"label": key, "value": value, "type": "text"} for key, value in (PLAIN | GERMAN).items()]},
    "unnamed": {**UNNAMED, "field_9": "Leeds", "form_id": "7", "created_at": "2026-05-19 10:00:00"},
}
FEW = 2
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
    typical = 0.0
    for name, data in TYPICAL.items():
        requests = [request(of_another(data, at)) for at in range(ROUNDS * BATCHES)]
        entries = [SOURCES["json"].parse(inbound).entries[0] for inbound in requests]
        mapping = _median(partial(lead_of, endpoint=HOOK), entries)
        reading = _median(partial(read, endpoint=HOOK, now=NOW), requests)
        typical = max(typical, mapping if name == "plain" else 0)
        print(f"{name:12} {mapping:6.0f} µs to map, {reading:6.0f} µs to read  ({len(entries[0].fields)} fields)")
    worst = 0.0
    for name, data in HOSTILE.items():
        taken = min(map(once, (request(renamed(data, at)) for at in range(BATCHES)))) * 1e3
        worst = max(worst, taken)
        print(f"{name:12} {taken:6.1f} ms to read, once")
    print(f"plain: {typical:.0f} µs to map; hostile: at most {worst:.1f} ms")
    return int("--check" in sys.argv and (typical > TYPICAL_LIMIT_US or worst > HOSTILE_LIMIT_MS))


def _median(work: Callable[[Any], object], given: Sequence[Any]) -> float:
    """Microseconds: the least of the medians of `BATCHES`, none of which sees what another saw."""
    times = []
    for one in given:
        started = time.perf_counter()
        work(one)
        times.append(time.perf_counter() - started)
    return min(median(times[at : at + ROUNDS]) for at in range(0, len(times), ROUNDS)) * 1e6


def once(inbound: Inbound) -> float:
    """Seconds of the processor."""
    started = time.process_time()
    read(inbound, HOOK, NOW)
    return time.process_time() - started


def of_another(value: Any, number: int) -> Any:
    """The same form, filled in by somebody else."""
    if isinstance(value, str):
        first = f"{chr(65 + number % 26)}{chr(97 + number // 26 % 26)}{chr(97 + number // 676)}"
        told = value.replace("Ada", first).replace("Eva", first).replace("美咲", "美子" if number % 2 else "美穂")
        return re.sub(r"\w+(?=@)", f"{first.lower()}{number}", re.sub(r"\d{4}$", f"{number:04}", told))
    if isinstance(value, dict):
        return {key: part if key in {"label", "type"} else of_another(part, number) for key, part in value.items()}
    return [of_another(part, number) for part in value] if isinstance(value, list) else value


def renamed(data: Mapping[str, str], number: int) -> dict[str, str]:
    """Fields of names that nobody has seen, one after the other."""
    return {f"{key} x{chr(97 + number)}" if len(data) > FEW else key: value for key, value in data.items()}


def request(data: Mapping[str, object]) -> Inbound:
    is_flat = all(isinstance(value, str) for value in data.values())
    body = urlencode(data) if is_flat else json.dumps(data)
    kind = "application/x-www-form-urlencoded" if is_flat else "application/json"
    return Inbound(body.encode(), {"content-type": kind})


if __name__ == "__main__":
    sys.exit(main())
