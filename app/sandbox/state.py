"""What a sandbox holds: who may use it, its members, the requests it has seen and the faults in force."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from pydantic import ValidationError

from app.sandbox.faults import Fault
from app.sandbox.leads import Member, NewLead

REQUESTS_KEPT = 1000
BEGINNING = "2025-01-01T00:00:00.000Z"  # when every company and role of a sandbox was made
ROLES = {  # name → responsibility; the client is not the first, so that taking roles[0] fails
    "superAdmin": "Owns the workspace",
    "admin": "Manages the workspace",
    "client": "Buys from the agency",
    "assignee": "Works on orders",
}


def mongo_id(*names: str) -> str:
    """The same 24 hexadecimal digits for the same names: ids that a restart leaves as they were."""
    return "65" + sha256("/".join(names).encode()).hexdigest()[:22]


class Members:
    """Every member, in order of creation, each e-mail once in a company; kept as JSON lines in `journal` if given.

    A line is with the operating system before its request is answered: it outlives the process, not a power cut.
    """

    def __init__(self, journal: Path | None) -> None:
        self._journal = journal
        self._by_email = {(one.company, one.email.lower()): one for one in read(journal)} if journal else {}

    def all(self) -> list[Member]:
        """The oldest first."""
        return list(self._by_email.values())

    def create(self, company: str, leads: list[NewLead]) -> list[Member]:
        """All of `leads` as members of `company`, or none: 409 for a taken e-mail, OSError from the journal."""
        created: dict[tuple[str, str], Member] = {}
        for lead in leads:
            key = (company, lead.email.lower())
            if key in self._by_email or key in created:
                raise HTTPException(409, f"User with email {lead.email} already exists")
            fields = lead.model_dump(exclude={"is_converted_client"})
            created[key] = Member(id=os.urandom(12).hex(), company=company, created_at=datetime.now(UTC), **fields)
        if self._journal:
            with self._journal.open("a", encoding="utf-8") as file:
                file.writelines(member.model_dump_json(by_alias=True) + "\n" for member in created.values())
        self._by_email.update(created)
        return list(created.values())

    def clear(self) -> None:
        """Forget every member, in the journal too."""
        if self._journal:
            self._journal.write_bytes(b"")
        self._by_email.clear()


def read(journal: Path) -> Iterator[Member]:
    """The members of every whole line. A last line torn by a crash was never answered: it is cut off."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.touch()
    whole, end, _ = journal.read_bytes().rpartition(b"\n")
    os.truncate(journal, len(whole + end))
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            yield Member.model_validate_json(line)
        except ValidationError as error:
            message = f"{journal}, line {number}: not a member of the sandbox; delete the file to start anew"
            raise ValueError(message) from error


@dataclass
class Exchange:
    """One request as it was seen; `status` is null until it is answered, for ever if the connection was dropped."""

    method: str
    path: str
    leads: int
    emails: list[str]
    fault: str | None
    status: int | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class State:
    """All of one sandbox. Made by `create_sandbox`, used on one event loop, changed only between awaits."""

    def __init__(self, key: str, journal: Path | None) -> None:
        self._first_key = key
        self.members = Members(journal)
        self._begin()

    def _begin(self) -> None:
        self.key = self._first_key
        self.company_count = 1
        self.role_changes = 0
        self.faults: list[Fault] = []
        self.requests: deque[Exchange] = deque(maxlen=REQUESTS_KEPT)
        self.statuses: Counter[int] = Counter()  # of all answers, also of those no longer listed

    def reset(self) -> None:
        """Everything as new: no members, requests or faults, and the first key, company and role."""
        self.members.clear()
        self._begin()

    @property
    def companies(self) -> dict[str, str]:
        """Id → name of every company; the first ones stay the same whatever their number."""
        return {mongo_id("company", str(n)): f"Sandbox Agency {n}" for n in range(1, self.company_count + 1)}

    def role_id(self, company: str, role: str = "client") -> str:
        """The outer id of a role of `company`: what a lead's `role` must be."""
        return mongo_id("role", role, company, str(self.role_changes) if role == "client" else "0")

    def roles(self, company: str) -> list[dict[str, Any]]:
        """`company`'s roles as `GET /roles?type=company` lists them."""
        return [
            {
                "_id": self.role_id(company, name),
                "role": {"_id": mongo_id("role", name), "responsibility": responsibility, "name": name},
                "company": company,
                "createdAt": BEGINNING,
                "updatedAt": BEGINNING,
                "__v": 0,
                "type": "company",
            }
            for name, responsibility in ROLES.items()
        ]

    def summary(self) -> dict[str, Any]:
        """What a client needs to know, and how things stand. `client_role` is the first company's."""
        companies = [
            {"_id": company, "name": name, "client_role": self.role_id(company)}
            for company, name in self.companies.items()
        ]
        return {
            "key": self.key,
            "companies": companies,
            "client_role": companies[0]["client_role"],
            "members": len(self.members.all()),
            "answers": self.statuses,
            "faults": self.faults,
        }


async def state_of(request: Request) -> State:
    """The state of the sandbox that is being asked. A coroutine, so that FastAPI needs no thread for it."""
    state: State = request.app.state.sandbox
    return state


Held = Annotated[State, Depends(state_of)]
