"""Layers that look at who sends, from where, how soon, and what else was sent like it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from app.config.addresses import origin_of, split_address
from app.intake.spam.case import SURELY, Case, Sign
from app.intake.spam.said import LINK, is_of
from app.mapping.infer import UNTICKED

CAPTCHA: Final = {"wrong": SURELY, "unclear": 1, "solved": -3}
"""What becomes of a captcha → its weight."""
AT_ONCE: Final = 0.25
"""The part of the form's `fastest` in which nobody types. A browser may have kept what was typed before."""
DOTS: Final = 4
ALIKE_FROM: Final = ((10, 6), (4, 4), (2, 2))
"""From how many other senders of the same on it weighs how much. A form may have typed it for them."""


def honeypot(case: Case) -> Iterator[Sign]:
    """The form's own traps; the common names are known to mapping."""
    for name in case.form.spam.honeypots:
        if case.sent_as(name).strip().casefold() not in UNTICKED:
            yield Sign(f"honeypot: {name}", SURELY)


def captcha(case: Case) -> Iterator[Sign]:
    """The form's captcha: spam where it is not solved, in favour where it is; what could not be checked is told."""
    if case.captcha.state != "none":
        yield Sign(f"captcha: {case.captcha.words}", CAPTCHA[case.captcha.state])


def time(case: Case) -> Iterator[Sign]:
    """How soon after the form was shown it was sent. No stamp, or an old one, says nothing: pages are cached."""
    if case.stamped.is_forged:
        yield Sign("a stamp that is not this form's", 5)
    age, fastest = case.stamped.age, case.form.spam.fastest.total_seconds()
    if age is not None and 0 <= age < fastest:
        yield Sign(f"sent within {max(age, 0.1):.1f} s", 8 if age < fastest * AT_ONCE else 5)


def origin(case: Case) -> Iterator[Sign]:
    """A post that does not say which page it comes from, where the form names its own."""
    if not case.form.allowed_origins:
        return
    given, before = case.headers.get("origin"), case.headers.get("referer", "")
    if given == "null" or (given is None and before and not _is_own(before, case)):
        yield Sign("not from one of the form's pages", 2)
    elif given is None and not before:
        yield Sign("from no page", 1)


def _is_own(page: str, case: Case) -> bool:
    """Whether it is a page of an origin that the form names, or the relay's own, by whatever name it was reached."""
    parts = split_address(page)
    if parts is None:
        return False
    here = {case.headers.get("host", ""), case.own_address.partition("://")[2]}
    return parts.netloc in here or origin_of(page) in case.form.allowed_origins


def names(case: Case) -> Iterator[Sign]:
    """A name that is none."""
    lead = case.lead
    whole = f"{lead.first_name} {lead.last_name}".strip()
    message = lead.message.strip().casefold()
    if message and message in {whole.casefold(), lead.first_name.casefold()}:
        yield Sign("the message is the name", 4)
    if len(lead.first_name) > 2 and lead.first_name.casefold() == lead.last_name.casefold():
        yield Sign("the same first and last name", 3)
    if "http" in whole.casefold() or "www." in whole.casefold():
        yield Sign("a link for a name", 8)
    elif "/" in whole and LINK.search(whole):
        yield Sign("a link for a name", 5)


def sender(case: Case) -> Iterator[Sign]:
    """An e-mail address that was made to be thrown away."""
    local, _, domain = case.lead.email.casefold().rpartition("@")
    if domain and is_of(domain, disposable()):
        yield Sign("an e-mail address to throw away", 4)
    if domain in {"gmail.com", "googlemail.com"} and local.count(".") >= DOTS:
        yield Sign("an e-mail address full of dots", 2)


@cache
def disposable() -> frozenset[str]:
    """Domains of addresses that last for minutes."""
    from disposable_email_domains import blocklist

    return frozenset(blocklist)


def repeats(case: Case) -> Iterator[Sign]:
    """The same message or link of several senders, at any form."""
    for least, weight in ALIKE_FROM:
        if case.senders >= least:
            yield Sign(f"{case.senders} others sent the same", weight)
            return
