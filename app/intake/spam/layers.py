"""The layers of the verdict, in one table. Each looks at a case and gives its signs; all weights together decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from app.intake.spam.case import SURELY, Case, Sign

SOLVED: Final = -3
"""What a captcha that was solved weighs against the signs of other layers."""
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


def captcha(case: Case) -> Iterator[Sign]:
    """The form's captcha: spam where it is not solved, and in favour where it is. What could not be checked is told."""
    weight = {"none": 0, "solved": SOLVED, "unclear": 0, "wrong": SURELY}[case.captcha.state]
    if case.captcha.state != "none":
        yield Sign(f"captcha: {case.captcha.words}", weight)


LAYERS: Final = (
    Layer("honeypot", "A field that nobody sees is filled in.", honeypot),
    Layer("captcha", "The form's captcha is not solved, or its answer was used before for something else.", captcha),
)


def weigh(case: Case) -> Verdict:
    """All layers' signs, and whether they reach what the form bears."""
    found = [(layer.name, sign) for layer in LAYERS for sign in layer.look(case)]
    against = tuple((name, sign) for name, sign in found if sign.weight >= 0)
    return Verdict(against, sum(sign.weight for _, sign in found) >= case.form.spam.threshold)
