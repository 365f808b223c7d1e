"""What may be done to leads at the desk, and by whom; the same acts that the command line has."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from app.config.relay_toml import RelayConfig
from app.errors import NotAllowed
from app.outbox.acts import ACTS
from app.outbox.hands import Hands
from app.outbox.records import Role
from app.outbox.remap import remap

NEEDS: Final[Mapping[str, Role]] = {name: act.needs for name, act in ACTS.items() if name != "export"}
"""What may be done to a lead here, and the role that may."""


def check_role(role: Role, act: str) -> None:
    """Raises NotAllowed where the role is not enough for an act."""
    if not role.covers(NEEDS[act]):
        raise NotAllowed(f"This takes the role {NEEDS[act]}, and yours is {role}.")


async def carry_out(
    hands: Hands,
    config: RelayConfig,
    act: str,
    ids: Sequence[str],
    *,
    chosen_in: Collection[str] | None,
    allow: bool = False,
    named: str | None = None,
) -> dict[str, str]:
    """Does an act but `edit` to leads. The ids of those to which it was not done, each with the reason.

    `chosen_in`: the states that they stood in on the page. With `allow` what the senders of released leads send is
    never spam again; a request is read again as one to the endpoint `named`, or to its own.
    """
    if act != "remap":
        return await hands.do(act, ids, allow=allow and act == "release", chosen_in=chosen_in)
    known: dict[str, str] = {}
    for lead_id in ids:
        if lead_id not in known:
            changes = await remap(hands, lead_id, config, named, chosen=ids, chosen_in=chosen_in)
            known |= {change.id: change.refusal for change in changes}
    return {lead_id: known[lead_id] for lead_id in ids if known.get(lead_id)}
