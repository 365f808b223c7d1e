"""A storm from end to end: the processes, the posts at their pace, and then the comparison of all the books."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.config.settings import SQLITE
from app.drill.processes import Ground, running
from app.drill.run import settle
from app.lead import LeadState
from app.outbox.books import Books
from app.outbox.records import StoredLead
from bench.storm.posts import TOML, Mix, Post
from bench.storm.sending import Answer, send

SETTINGS = {"DELIVERY_REQUESTS_PER_SECOND": "10", "PUBLIC_URL": "https://leads.example.com"}
UNDER_WAY = 400
"""How many posts wait for an answer at once, at most: a machine too busy for the pace gets a slower one."""


@dataclass(frozen=True)
class Outcome:
    """What came of a storm: addresses that are `lost`, `doubled` or `let_through`, and answers that are not wanted.

    `unsettled` leads were not sent when patience ended; `unbalanced` counts days and endpoints whose books don't agree.
    `cpu_ms` is the relay's for a post, delivery included; `p50_ms` and `p99_ms` are of answers to genuine ones.
    """

    sent: Mapping[str, int]
    statuses: Mapping[str, Mapping[int, int]]
    unwanted: Sequence[str]
    genuine: int
    lost: Sequence[str]
    doubled: Sequence[str]
    let_through: Sequence[str]
    not_spam: Sequence[str]
    unsettled: int
    unbalanced: int
    faults: Sequence[str]
    seconds: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float

    @property
    def is_well(self) -> bool:
        """Whether everybody genuine is in AgencyHandy once, and nobody else."""
        wrong = (self.unwanted, self.lost, self.doubled, self.let_through, self.not_spam, self.faults)
        return not any(wrong) and not self.unsettled and not self.unbalanced


async def storm(count: int = 10_000, per_second: float = 200, seed: int = 1) -> Outcome:
    """Sends so many posts, so many a second, to a relay of its own, and looks where they are."""
    with tempfile.TemporaryDirectory(prefix="lead-relay-storm-") as name:
        folder = Path(name)
        (folder / "relay.toml").write_text(TOML, encoding="utf-8")
        store = f"{SQLITE}{folder}/relay.db"
        settings = {**SETTINGS, "DATABASE_URL": store, "RELAY_CONFIG": str(folder / "relay.toml")}
        books = Books(store)
        try:
            async with running(folder, 1, settings) as ground:
                begun = time.monotonic()
                answers = await rage(count, per_second, seed, ground.relays[0].port)
                seconds = time.monotonic() - begun
                unsettled = await settle(ground, books, count, lambda *_: None)
                return await reckon(answers, ground, books, unsettled, seconds)
        finally:
            await books.close()


async def rage(count: int, per_second: float, seed: int, port: int) -> list[Answer]:
    """Every post at its time, whether the ones before it are answered or not; later where UNDER_WAY are waiting."""
    posts = Mix(seed).posts(count)
    room = asyncio.Semaphore(UNDER_WAY)
    begun = time.monotonic()

    async def one(post: Post) -> Answer:
        try:
            return await send(post, port)
        finally:
            room.release()

    async with asyncio.TaskGroup() as group:
        sending = []
        for number, post in enumerate(posts):
            await asyncio.sleep(begun + number / per_second - time.monotonic())
            await room.acquire()
            sending.append(group.create_task(one(post)))
    return [task.result() for task in sending]


async def reckon(answers: list[Answer], ground: Ground, books: Books, unsettled: int, seconds: float) -> Outcome:
    """Compares what was answered with what the sandbox holds and the relay's books say."""
    members = Counter(one["email"] for one in (await ground.control("GET", "/members"))["members"])
    booked = await books.leads(limit=10 * len(answers))
    genuine = {email for one in answers if one.post.is_genuine for email in one.post.emails}
    trapped = {email for one in answers if one.post.kind == "honeypot" for email in one.post.emails}
    times = sorted(one.seconds * 1000 for one in answers if one.post.is_genuine and one.post.way == "whole")
    balance = await books.balance()
    return Outcome(
        sent=Counter(one.post.kind for one in answers),
        statuses=statuses_of(answers),
        unwanted=[f"{one.post.kind} {one.post.path}: {one.status}" for one in answers if not one.is_as_wanted],
        genuine=len(genuine),
        lost=sorted(genuine - set(members)),
        doubled=sorted(doubled(members, booked)),
        let_through=sorted(set(members) - genuine),
        not_spam=sorted(f"{one.lead.email}: {one.lead.state}" for one in booked if is_missed(one, trapped)),
        unsettled=unsettled,
        unbalanced=len(balance.differences()),
        faults=[line for line in log_of(ground) if "Traceback" in line or '"level": "error"' in line],
        seconds=round(seconds, 1),
        cpu_ms=round(1000 * cpu_seconds(ground.relays[0].pid) / len(answers), 2),
        p50_ms=round(statistics.median(times), 1),
        p99_ms=round(times[len(times) * 99 // 100], 1),
    )


def statuses_of(answers: list[Answer]) -> dict[str, dict[int, int]]:
    """Kind → status → how often."""
    counted: dict[str, Counter[int]] = {}
    for one in answers:
        counted.setdefault(one.post.kind, Counter())[one.status] += 1
    return {kind: dict(sorted(found.items())) for kind, found in sorted(counted.items())}


def doubled(members: Mapping[str, int], booked: list[StoredLead]) -> set[str]:
    """Addresses that AgencyHandy has twice, or that the relay sent twice: every one of a storm is new."""
    twice = {email for email, count in members.items() if count > 1}
    return twice | {one.lead.email for one in booked if one.lead.state is LeadState.DUPLICATE}


def is_missed(one: StoredLead, trapped: set[str]) -> bool:
    """Whether a lead of a filled honeypot is no spam in the books."""
    return one.lead.email in trapped and one.lead.state is not LeadState.SPAM


def log_of(ground: Ground) -> list[str]:
    """What the relay said."""
    return ground.relays[0].log.read_text(encoding="utf-8").splitlines()


def cpu_seconds(pid: int | None) -> float:
    """How long a process has kept a processor busy; 0 where the system does not say."""
    figures = Path(f"/proc/{pid}/stat")
    if not figures.exists():
        return 0
    user, system = figures.read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
