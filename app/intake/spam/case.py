"""What is known of an enquiry when it is judged. Frozen values; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.endpoints import Form
from app.lead import Field, Lead
from app.sources.trees import dotted

SURELY: Final = 100
"""The weight that is spam by itself, whatever the form's `threshold`."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What speaks for spam, in words, and how much."""

    words: str
    weight: int


@dataclass(frozen=True, slots=True)
class Stamped:
    """What a form's `_stamp` says: `age` is the seconds since it was made, None where there is no stamp of this form.

    `is_forged`: there is one, but it was not made here for this form.
    """

    age: float | None = None
    is_forged: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One lead of a form, and what came with it.

    `headers` are the request's, by names in small letters; `senders` how many others sent the same message, or the
    same link, within a day.
    """

    form: Form
    lead: Lead
    fields: tuple[Field, ...]
    headers: Mapping[str, str]
    now: datetime
    own_origin: str = ""
    stamped: Stamped = Stamped()
    senders: int = 0

    def sent_as(self, name: str) -> str:
        """What a field of that name holds, however deep it stands; empty where there is none."""
        wanted = dotted(name)
        return next((one.value for one in self.fields if wanted in {one.key, one.key.rpartition(".")[2]}), "")
