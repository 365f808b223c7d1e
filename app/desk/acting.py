"""What may be done to leads at the desk, and by whom; the same acts that the command line has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final

from app.config.relay_toml import RelayConfig
from app.errors import NotAllowed
from app.outbox.acts import ACTS
from app.outbox.hands import Hands
from app.outbox.records import Role
from app.outbox.remap import remap_each

Work = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]
"""Does something to leads; gives the ids of those that it was not done to, each with the reason."""
NEEDS: Final[Mapping[str, Role]] = {name: act.needs for name, act in ACTS.items() if name != "export"}
"""What may be done to a lead here, and the role that may."""


def check_role(role: Role, act: str) -> None:
    """Raises NotAllowed where the role is not enough for an act."""
    if not role.covers(NEEDS[act]):
        raise NotAllowed(f"This takes the role {NEEDS[act]}, and yours is {role}.")


def doing(
    hands: Hands,
    config: RelayConfig,
    act: str,
    *,
    chosen_in: Collection[str] | None,
    allow: bool = False,
    named: str | None = None,
) -> Work:
    """What does an act but `edit` to leads, some at a time.

    `chosen_in`: the states that they stood in on the page. With `allow` what the senders of released leads send is
    never spam again; a request is read again as one to the endpoint `named`, or to its own.
    """
    if act == "remap":
        return partial(remap_each, hands, config=config, named=named, known={}, chosen_in=chosen_in)
    return partial(hands.do, act, allow=allow and act == "release", chosen_in=chosen_in)
