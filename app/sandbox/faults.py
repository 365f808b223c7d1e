"""What can be made to go wrong, and what of it strikes a request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

LEADS_PATH: Final = "/members/bulk-lead"


class _Fault(BaseModel):
    """`times` is how many more requests it strikes (null: until removed), `path` which ones."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    times: Annotated[int, Field(ge=1)] | None = None
    path: Literal["/accounts/companies", "/roles", "/members/bulk-lead", "*"] = LEADS_PATH

    def strikes(self, path: str, emails: Sequence[str]) -> bool:
        """Whether a request to `path` with leads of these `emails` is struck."""
        return self.path in ("*", path)


class StatusFault(_Fault):
    """Answers `status`; `body` is a text sent as it is or any JSON, `retry_after` the header word for word.

    `carried_out`: the request takes effect all the same, as behind a gateway that timed out.
    """

    kind: Literal["status"]
    status: Annotated[int, Field(ge=200, le=599)]
    body: JsonValue = None
    retry_after: Annotated[str, Field(pattern=r"^[ -~]{1,100}$")] | None = None
    carried_out: bool = False


class DelayFault(_Fault):
    """Waits `seconds`, then goes on as normal, also to the next fault; even if the client has left meanwhile."""

    kind: Literal["delay"]
    seconds: Annotated[float, Field(ge=0, le=600)]


class LostFault(_Fault):
    """`reset` drops the connection before the answer; `garbage` puts a page of HTML in its place, as a proxy does.

    `carried_out`: after the request took effect.
    """

    kind: Literal["reset", "garbage"]
    carried_out: bool = False


class TruncatedFault(_Fault):
    """`createdMembers` has only the first `keep` leads; `carried_out` says whether "all" or only the "kept" exist."""

    kind: Literal["truncated"]
    path: Literal["/members/bulk-lead"] = LEADS_PATH
    keep: Annotated[int, Field(ge=0)]
    carried_out: Literal["all", "kept"] = "kept"


class RefuseFault(_Fault):
    """Refuses leads whose e-mail matches `pattern`, and with them the array; `partial` leaves only them out.

    `{email}` in `message` becomes the address. Strikes only requests with such a lead.
    """

    kind: Literal["refuse"]
    path: Literal["/members/bulk-lead"] = LEADS_PATH
    pattern: re.Pattern[str]
    status: Annotated[int, Field(ge=400, le=599)] = 400
    message: str = "Lead with email {email} is not acceptable"
    partial: bool = False

    def strikes(self, path: str, emails: Sequence[str]) -> bool:
        return path == self.path and any(map(self.pattern.search, emails))


Fault = Annotated[
    StatusFault | DelayFault | LostFault | TruncatedFault | RefuseFault,
    Field(discriminator="kind"),
]


def strike(faults: list[Fault], path: str, emails: Sequence[str]) -> tuple[float, Fault | None]:
    """What a request suffers: seconds of delay, then at most one other fault. Their `times` are used up."""
    delay, struck = 0.0, None
    for fault in faults:
        if struck is None and fault.strikes(path, emails):
            if fault.times is not None:
                fault.times -= 1
            if isinstance(fault, DelayFault):
                delay += fault.seconds
            else:
                struck = fault
    faults[:] = [fault for fault in faults if fault.times != 0]
    return delay, struck
