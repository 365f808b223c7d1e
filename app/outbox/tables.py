"""The store's tables. Their history is in `migrations`; a test keeps both the same."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    event,
    func,
    literal_column,
    or_,
    text,
)

from app.outbox.columns import Instant, Words
from app.outbox.turns import this_turn


def partial_index(name: str, *columns: str, where: str) -> Index:
    """An index of those rows only that its condition is true of, on both engines."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


metadata = MetaData()

submissions = Table(
    "submissions",
    metadata,
    Column("id", String(26), primary_key=True, doc="ULID; the receipt its sender gets"),
    Column("endpoint", String(64), nullable=False, doc="name of the form or hook"),
    Column("source", String(32), nullable=False, doc="the adapter that read it"),
    Column("received_at", Instant, nullable=False),
    Column("event_id", Words, doc="the sender's own id for it"),
    Column("note", Words, nullable=False, doc="why it made no lead; empty where it made one"),
    Column("quarantine", String(100), nullable=False, doc="why it was not trusted or understood, and where; or empty"),
    Column("headers", JSON, nullable=False, doc="header names in lower case → values; never credentials"),
    Column("body", LargeBinary, nullable=False, doc="the raw bytes"),
    Column("repeats", Integer, nullable=False, doc="how often it came again"),
    Index("submissions_of", "endpoint", "id"),
    partial_index("submissions_quarantined", "quarantine", "id", where="quarantine != ''"),
)

leads = Table(
    "leads",
    metadata,
    Column("id", String(26), primary_key=True, doc="ULID"),
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("endpoint", String(64), nullable=False),
    Column("workspace", String(64), nullable=False, doc="the AgencyHandy company it is for"),
    Column("state", String(16), nullable=False, doc="a LeadState"),
    Column("reason", Words, nullable=False, doc="why it is held, spam or a duplicate"),
    Column("first_name", Words, nullable=False),
    Column("last_name", Words, nullable=False),
    Column("email", Words, nullable=False),
    Column("contact_no", Words, nullable=False),
    Column("message", Words, nullable=False),
    Column("source", Words, nullable=False, doc="how the lead was acquired"),
    Column("status", Words, nullable=False, doc="AgencyHandy's pipeline status"),
    Column("position_in_board", Integer),
    Column("details", JSON, nullable=False, doc="utm, extra fields, and the origin of each field"),
    Column("received_at", Instant, nullable=False),
    Column("next_attempt_at", Instant, nullable=False, doc="when it is due, while pending or to be fetched"),
    Column("lease_until", Instant, doc="while sending: when its worker counts as gone"),
    Column("claim", String(26), doc="while sending: the claim that holds it, which alone may settle it"),
    Column("attempts", Integer, nullable=False, doc="tries that AgencyHandy or the way to it failed"),
    Column("unknown", Boolean, nullable=False, doc="a try may have been carried out without our hearing of it"),
    Column("settled_at", Instant, doc="when it reached a state that only a person changes"),
    Column("member_id", Words, nullable=False, doc="AgencyHandy's id of it, once delivered"),
    Column("passed_on_at", Instant, doc="when it went to people by the second road"),
    Column("to_fetch", Words, doc="while held: the provider's id of the person, who has to be fetched from its API"),
    Column("notice_id", String(26), doc="once fetched: the submission that told no more than the id"),
    Column("changed", BigInteger, nullable=False, server_default="0", default=this_turn(), onupdate=this_turn()),
    Index("leads_books", "received_at", "endpoint", "state"),
    Index("leads_in_state", "state", "id"),
    Index("leads_of_endpoint", "endpoint", "id"),
    Index("leads_changed", "changed"),
    partial_index("leads_of_source", "source", "id", where="length(source) <= 64"),
    partial_index("leads_due", "workspace", "next_attempt_at", "id", where="state = 'pending'"),
    partial_index("leads_leased", "lease_until", where="state = 'sending'"),
    partial_index("leads_held", "received_at", where="state = 'held'"),
    partial_index("leads_to_fetch", "endpoint", "next_attempt_at", "id", where="to_fetch IS NOT NULL"),
    partial_index("leads_of_notice", "notice_id", where="notice_id IS NOT NULL"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("lead_id", ForeignKey("leads.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("outcome", String(16), nullable=False, doc="what it was taken for: an Outcome of delivery.outcomes"),
    Column("status", Integer, doc="AgencyHandy's HTTP status, where there was an answer"),
    Column(
        "answer",
        Words,
        nullable=False,
        doc="the first 2,000 characters of its answer, or of the error; none that is about several",
    ),
    Column("duration_ms", Integer, nullable=False),
)

attachments = Table(
    "attachments",
    metadata,
    Column("id", String(26), primary_key=True, doc="ULID"),
    Column("submission_id", ForeignKey("submissions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("field", Words, nullable=False, doc="the field it was sent in"),
    Column("name", Words, nullable=False, doc="what its sender called it"),
    Column("media_type", String(100), nullable=False, doc="what it is by its contents"),
    Column("size", BigInteger, nullable=False, doc="bytes"),
    Column("sha256", String(64), nullable=False, doc="of its contents"),
    Column("file", String(64), nullable=False, index=True, doc="its name in the attachments' folder, made by chance"),
)

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("fingerprint", String(64), primary_key=True, doc="what repeats have in common: a hash keyed with `keys`"),
    Column("submission_id", String(26), nullable=False, index=True, doc="the first; it may have been erased since"),
    Column("expires_at", Instant, index=True, doc="from when on the same is new again; empty: never"),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("company_id", Words, nullable=False, doc="AgencyHandy's company, empty while unknown"),
    Column("role_id", Words, nullable=False, doc="its client role's outer id, empty while unknown"),
    Column("resolved_at", Instant, doc="when AgencyHandy last told both"),
    Column("destination", Words, nullable=False, doc="the address, and the chosen company, that they are valid for"),
    Column("failures", Integer, nullable=False, doc="failed requests in a row"),
    Column("paused", Words, nullable=False, doc="why nothing is sent but probes, else empty"),
    Column("not_before", Instant, doc="when the next request may go out, where it must wait"),
    Column("free_at", Instant, doc="when the next request may go out by the requests a second that are allowed"),
    Column("stopped_by", Words, nullable=False, server_default="", doc="who paused delivery by hand, else empty"),
    Column("per_second", Float, doc="requests a second, where a person set them; else as the settings say"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False, doc="days since 1970, UTC"),
    Column("endpoint", String(64), primary_key=True),
    Column("accepted", Integer, nullable=False, doc="leads that were stored; counted apart from the leads' own rows"),
    Column("dropped", Integer, nullable=False, doc="leads of the quarantine that had to make room"),
)

allowed_senders = Table(
    "allowed_senders",
    metadata,
    Column("address", Words, primary_key=True, doc="an e-mail address in small letters, whose leads are never spam"),
    Column("since", Instant, nullable=False),
    Column("who", Words, nullable=False, doc="the person who allowed it"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Words, nullable=False, doc="the person, or the command's user"),
    Column("what", String(32), nullable=False, doc="release, edit, remap, discard, erase, …"),
    Column("lead_id", String(26), index=True, doc="the lead it was done to, if it was one"),
    Column("words", Words, nullable=False, doc="what changed; names fields, never their values"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("name", Words, primary_key=True, doc="what is wrong, and where"),
    Column("since", Instant, nullable=False),
    Column("told_at", Instant, doc="when people were last told; empty: not yet"),
    Column("words", Words, nullable=False),
)

duties = Table(
    "duties",
    metadata,
    Column("name", String(32), primary_key=True, doc="what one process at a time does for all"),
    Column("holder", String(26), nullable=False),
    Column("until", Instant, nullable=False, doc="when another may take over"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, doc="1"),
    Column("number", BigInteger, nullable=False, doc="of SQLite's transactions; see `turns.py`"),
    Column("erased", BigInteger, doc="the last one that erased something, until that is in none of SQLite's files"),
)

operators = Table(
    "operators",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(8), nullable=False, doc="view, work or admin"),
    Column("password", Words, nullable=False, doc="its argon2 hash"),
    Column("since", Instant, nullable=False),
    Column("sessions_from", Instant, nullable=False, doc="sessions that began earlier are over"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("name", Words, nullable=False, doc="what it is for"),
    Column("digest", String(64), nullable=False, unique=True, doc="SHA-256 of the token, which nobody keeps"),
    Column("scopes", Words, nullable=False, doc="what it may do, comma-separated"),
    Column("since", Instant, nullable=False),
    Column("who", Words, nullable=False, doc="the person who made it"),
)

ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("mark", String(64), primary_key=True, doc="of a session whose operator logged out"),
    Column("until", Instant, nullable=False, doc="when it would have ended by itself"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(16), primary_key=True, doc="made by chance with the form that began it"),
    Column("who", Words, nullable=False),
    Column("act", String(16), nullable=False),
    Column("back", Words, nullable=False, doc="the page that it was begun on"),
    Column("total", Integer, nullable=False),
    Column("at", Instant, nullable=False, doc="when it last got on"),
    Column("done", Integer, nullable=False),
    Column("left", Integer, nullable=False, doc="to how many of those nothing was done"),
    Column("refused", JSON, nullable=False, doc="lead → why nothing was done to it, of the first ones"),
    Column("reasons", JSON, nullable=False, doc="why → to how many, of the most frequent ones"),
    Column("is_over", Boolean, nullable=False),
    Column("is_stopped", Boolean, nullable=False),
    Column("trouble", Words, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", LargeBinary, nullable=False, doc="32 bytes, made by chance with the store"),
)

WORDS = {
    "sqlite": (
        "CREATE VIRTUAL TABLE lead_words USING fts5(words, tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3')",
    ),
    "postgresql": (
        "CREATE TABLE lead_words (lead_id VARCHAR(26) PRIMARY KEY REFERENCES leads ON DELETE CASCADE, words tsvector)",
        "CREATE INDEX lead_words_words ON lead_words USING gin (words)",
    ),
}
"""What leads are found by (`search.py`), as each engine has it. SQLite's rows have the rowid of their lead's."""
for _engine, _statements in WORDS.items():
    for _statement in _statements:
        event.listen(metadata, "after_create", DDL(_statement).execute_if(dialect=_engine))  # type: ignore[no-untyped-call] # execute_if has no types

LONGEST_LEASE = timedelta(minutes=1)
"""A lease that ends later than this from now was given before the clock was set back."""


def is_lost(now: datetime) -> ColumnElement[bool]:
    """Whether the lease of a lead has run out, or cannot be right."""
    return or_(leads.c.lease_until <= now, leads.c.lease_until > now + LONGEST_LEASE)


IS_PENDING = leads.c.state == literal_column("'pending'")
IS_SENDING = leads.c.state == literal_column("'sending'")
IS_ERASED = leads.c.state == literal_column("'erased'")
IS_HELD = leads.c.state == literal_column("'held'")
HAS_SHORT_SOURCE = func.length(leads.c.source) <= literal_column("64")
"""An index of PostgreSQL takes no text of any length."""
IS_QUARANTINED = submissions.c.quarantine != literal_column("''")
"""Written out rather than bound, or the planners would not see that the partial indexes apply."""
