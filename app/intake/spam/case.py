"""What is known of an enquiry when it is judged. Frozen values; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from app.config.addresses import split_address
from app.config.endpoints import Form
from app.intake.spam.said import Said
from app.lead import Field, Lead
from app.sources.trees import dotted

SURELY: Final = 1000
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
class Checked:
    """What became of a form's captcha: there is none, it was solved or not, or nobody can tell; `words` say why."""

    state: Literal["none", "solved", "wrong", "unclear"] = "none"
    words: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One lead of a form, and what came with it.

    `said` is what the person wrote, `fields` all that was sent, `own_address` the relay's.
    `headers` are the request's, by names in small letters; `senders` how many others sent the same message, or the
    same link, within a day.
    """

    form: Form
    lead: Lead
    said: Said
    fields: tuple[Field, ...]
    headers: Mapping[str, str]
    own_address: str = ""
    stamped: Stamped = Stamped()
    captcha: Checked = Checked()
    senders: int = 0

    @property
    def own_hosts(self) -> frozenset[str]:
        """The form's own websites, to which anybody may link."""
        form = self.form
        addresses = (*form.allowed_origins, *form.allowed_redirects, form.redirect or "", self.own_address)
        parts = [split_address(one) for one in addresses if one]
        return frozenset((one.hostname or "").removeprefix("www.") for one in parts if one)

    def sent_as(self, name: str) -> str:
        """What a field of that name holds, however deep it stands; empty where there is none."""
        wanted = dotted(name)
        return next((one.value for one in self.fields if wanted in {one.key, one.key.rpartition(".")[2]}), "")
