"""The store's tables. Their history is in `migrations`; a test keeps both the same.

Times are UTC milliseconds since 1970 in the store, aware datetimes in Python: alike, and quick to compare, everywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    literal_column,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // timedelta(milliseconds=1)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(milliseconds=value)


metadata = MetaData()

submissions = Table(
    "submissions",
    metadata,
    Column("id", String(26), primary_key=True, doc="ULID; the receipt its sender gets"),
    Column("endpoint", String(64), nullable=False, doc="name of the form or hook"),
    Column("source", String(32), nullable=False, doc="the adapter that read it"),
    Column("received_at", Instant, nullable=False),
    Column("event_id", Text, doc="the sender's own id for it"),
    Column("note", Text, nullable=False, doc="why it made no lead; empty where it made one"),
    Column("quarantine", String(100), nullable=False, doc="why it was not trusted or understood, and where; or empty"),
    Column("headers", JSON, nullable=False, doc="header names in lower case → values; never credentials"),
    Column("body", LargeBinary, nullable=False, doc="the raw bytes"),
    Column("repeats", Integer, nullable=False, doc="how often it came again"),
    Index("submissions_quarantined", "quarantine", "id", sqlite_where=text("quarantine != ''")),
)

leads = Table(
    "leads",
    metadata,
    Column("id", String(26), primary_key=True, doc="ULID"),
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("endpoint", String(64), nullable=False),
    Column("workspace", String(64), nullable=False, doc="the AgencyHandy company it is for"),
    Column("state", String(16), nullable=False, doc="a LeadState"),
    Column("reason", Text, nullable=False, doc="why it is held, spam or a duplicate"),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("contact_no", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("source", Text, nullable=False, doc="how the lead was acquired"),
    Column("status", Text, nullable=False, doc="AgencyHandy's pipeline status"),
    Column("position_in_board", Integer),
    Column("details", JSON, nullable=False, doc="utm, extra fields, and the origin of each field"),
    Column("received_at", Instant, nullable=False),
    Column("next_attempt_at", Instant, nullable=False, doc="when it is due, while pending"),
    Column("lease_until", Instant, doc="while sending: when its worker counts as gone"),
    Column("attempts", Integer, nullable=False, doc="tries that AgencyHandy or the way to it failed"),
    Column("unknown", Boolean, nullable=False, doc="a try may have been carried out without our hearing of it"),
    Column("settled_at", Instant, doc="when it reached a state that only a person changes"),
    Column("member_id", Text, nullable=False, doc="AgencyHandy's id of it, once delivered"),
    Index("leads_due", "workspace", "next_attempt_at", "id", sqlite_where=text("state = 'pending'")),
    Index("leads_leased", "lease_until", sqlite_where=text("state = 'sending'")),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("lead_id", ForeignKey("leads.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("outcome", String(16), nullable=False, doc="what it was taken for: an Outcome of delivery.policy"),
    Column("status", Integer, doc="AgencyHandy's HTTP status, where there was an answer"),
    Column("answer", Text, nullable=False, doc="the first 2,000 characters of its answer, or of the error"),
    Column("duration_ms", Integer, nullable=False),
)

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("fingerprint", String(64), primary_key=True, doc="what a repeat has in common with the first; a hash"),
    Column(
        "submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False, index=True, doc="the first"
    ),
    Column("expires_at", Instant, index=True, doc="from when on the same is new again; empty: never"),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("company_id", Text, nullable=False, doc="AgencyHandy's company, empty while unknown"),
    Column("role_id", Text, nullable=False, doc="its client role's outer id, empty while unknown"),
    Column("resolved_at", Instant, doc="when AgencyHandy last told both"),
    Column("destination", Text, nullable=False, doc="the address, and the chosen company, that they are valid for"),
    Column("failures", Integer, nullable=False, doc="failed requests in a row"),
    Column("paused", Text, nullable=False, doc="why nothing is sent but probes, else empty"),
    Column("not_before", Instant, doc="when the next request may go out, where it must wait"),
)

IS_PENDING = leads.c.state == literal_column("'pending'")
IS_SENDING = leads.c.state == literal_column("'sending'")
IS_QUARANTINED = submissions.c.quarantine != literal_column("''")
"""Written out rather than bound, or SQLite would not see that the partial indexes apply."""
