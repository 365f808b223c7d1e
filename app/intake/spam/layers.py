"""The layers of the verdict, in one table. Each looks at a case and gives its signs; all weights together decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from app.intake.spam.case import SURELY, Case, Sign

UNTICKED: Final = frozenset(("", "0", "no", "off", "false"))


@dataclass(frozen=True, slots=True)
class Layer:
    """One kind of signs: its name in figures and documents, what it looks for, and how."""

    name: str
    meaning: str
    look: Callable[[Case], Iterator[Sign]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every sign by its layer's name, and whether they make spam."""

    signs: tuple[tuple[str, Sign], ...] = ()
    is_spam: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The signs, in words."""
        return tuple(sign.words for _, sign in self.signs)


def honeypot(case: Case) -> Iterator[Sign]:
    """The form's own traps."""
    for name in case.form.spam.honeypots:
        if case.sent_as(name).strip().casefold() not in UNTICKED:
            yield Sign(f"honeypot: {name}", SURELY)


LAYERS: Final = (Layer("honeypot", "A field that nobody sees is filled in.", honeypot),)


def weigh(case: Case) -> Verdict:
    """All layers' signs, and whether they reach what the form bears."""
    signs = tuple((layer.name, sign) for layer in LAYERS for sign in layer.look(case))
    return Verdict(signs, sum(sign.weight for _, sign in signs) >= case.form.spam.threshold)
