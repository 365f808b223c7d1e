"""What inference found in a submission, as a value that its steps fill."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.lead import Field
from app.mapping.called import family_comes_first
from app.mapping.vocabulary import CLICK_IDS, words
from app.mapping.weighed import Match


@dataclass(slots=True)
class Findings:
    """What a submission's fields are: the best match and the runner-up of each target, and the rest by what it is.

    `mistyped` is a field for an e-mail address that holds none, `dropped` the number of secrets that are not kept.
    """

    best: dict[str, Match] = field(default_factory=dict)
    runner_up: dict[str, Match] = field(default_factory=dict)
    utm: dict[str, str] = field(default_factory=dict)
    extra: list[Field] = field(default_factory=list)
    honeypot: Field | None = None
    mistyped: Field | None = None
    dropped: int = 0

    @property
    def family_first(self) -> bool:
        """Whether the whole name that was found begins with the family's, as far as the address does not deny it."""
        full = self.best.get("full_name")
        why = family_comes_first(full.field.key, full.field.label) if full is not None else ""
        if full is None or why != "label" or "email" not in self.best:
            return bool(why)
        first, *rest = words(full.value)
        local = "".join(words(self.best["email"].value.partition("@")[0]))
        return not (rest and local.startswith(first) and rest[-1] in local[len(first) :])

    @property
    def advertiser(self) -> str:
        """Where the visitor came from, as the campaign tells it: utm_source, or whose click id it is."""
        named = next((CLICK_IDS[name] for name in CLICK_IDS if name in self.utm), "")
        return self.utm.get("utm_source", "")[:100] or named

    def take(self, match: Match) -> None:
        """Makes a match the best of its target; its fields are no extras any more."""
        self.best[match.target] = match
        mine = {id(one) for one in match.fields}
        self.extra = [one for one in self.extra if id(one) not in mine]
