"""The layers of the verdict, in one table. Each looks at a case and gives its signs; all weights together decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from app.intake.spam import sending, wording
from app.intake.spam.case import Case, Sign
from app.intake.spam.vocabulary import vocabulary


@dataclass(frozen=True, slots=True)
class Layer:
    """One kind of signs: its name in figures and documents, what it takes for a sign, and how it looks."""

    name: str
    meaning: str
    look: Callable[[Case], Iterator[Sign]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What speaks for spam, by layer, and whether it is enough."""

    signs: tuple[tuple[str, Sign], ...] = ()
    is_spam: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The signs, in words."""
        return tuple(sign.words for _, sign in self.signs)


LAYERS: Final = (
    Layer("honeypot", "A field that nobody sees is filled in.", sending.honeypot),
    Layer("captcha", "The form's captcha is not solved, or by an answer that was used before.", sending.captcha),
    Layer("time", "It was sent too soon after the form was shown, or its stamp is not this form's.", sending.time),
    Layer("origin", "It does not say which page it comes from, where the form names its own.", sending.origin),
    Layer("links", "Links: many, shortened, to cheap domains, or hardly anything beside them.", wording.links),
    Layer("markup", "Links in BBCode or HTML.", wording.markup),
    Layer("phrases", "What spam says, in some twenty languages.", wording.phrases),
    Layer("letters", "Random or hidden letters, or those of several alphabets in a word.", wording.letters),
    Layer("scripts", "A script that neither the form nor the visitor's browser speaks.", wording.scripts),
    Layer("shouting", "Capitals, exclamation marks, sums of money.", wording.shouting),
    Layer("names", "The name is a link, the message, or twice the same.", sending.names),
    Layer("sender", "An e-mail address that was made to be thrown away.", sending.sender),
    Layer("repeats", "Several others sent the same message or link within a day, at any form.", sending.repeats),
)


def weigh(case: Case) -> Verdict:
    """All layers' signs, and whether they reach what the form bears. What speaks for a person is counted, not told."""
    found = tuple((layer.name, sign) for layer in LAYERS for sign in layer.look(case))
    score = sum(sign.weight for _, sign in found)
    return Verdict(tuple(pair for pair in found if pair[1].weight > 0), score >= case.form.spam.threshold)


def load_words() -> None:
    """Reads what layers look things up in, so that the first enquiry does not wait for it."""
    vocabulary()
    sending.disposable()
