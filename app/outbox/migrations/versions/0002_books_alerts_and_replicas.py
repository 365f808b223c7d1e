"""What replicas, alerts, books and acts by hand need; fingerprints become keyed and outlive their submission."""

import hmac
import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    op.add_column("leads", sa.Column("claim", sa.String(length=26), nullable=True))
    op.add_column("leads", sa.Column("passed_on_at", sa.BigInteger(), nullable=True))
    op.add_column("workspaces", sa.Column("free_at", sa.BigInteger(), nullable=True))
    op.create_index("leads_books", "leads", ["received_at", "endpoint", "state"])
    held = sa.text("state = 'held'")
    op.create_index("leads_held", "leads", ["received_at"], sqlite_where=held, postgresql_where=held)
    op.create_index("submissions_of", "submissions", ["endpoint", "id"])
    keys = op.create_table(
        "keys",
        sa.Column("name", sa.String(length=32), primary_key=True),
        sa.Column("value", sa.LargeBinary(), nullable=False),
    )
    key = secrets.token_bytes(32)
    op.bulk_insert(keys, [{"name": "fingerprints", "value": key}])
    known = connection.execute(sa.text("SELECT fingerprint, submission_id, expires_at FROM fingerprints")).all()
    op.drop_table("fingerprints")
    fingerprints = op.create_table(
        "fingerprints",
        sa.Column("fingerprint", sa.String(length=64), primary_key=True),
        sa.Column("submission_id", sa.String(length=26), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_fingerprints_submission_id", "fingerprints", ["submission_id"])
    op.create_index("ix_fingerprints_expires_at", "fingerprints", ["expires_at"])
    op.bulk_insert(
        fingerprints,
        [
            {
                "fingerprint": hmac.digest(key, row.fingerprint.encode(), "sha256").hex(),
                "submission_id": row.submission_id,
                "expires_at": row.expires_at,
            }
            for row in known
        ],
    )
    op.create_table(
        "ledger",
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("endpoint", sa.String(length=64), primary_key=True),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
    )
    op.execute(
        "INSERT INTO ledger (day, endpoint, accepted, dropped) "
        "SELECT received_at / 86400000, endpoint, count(*), 0 FROM leads GROUP BY received_at / 86400000, endpoint"
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.String(length=26), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("lead_id", sa.String(length=26), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
    )
    op.create_index("ix_audit_lead_id", "audit", ["lead_id"])
    op.create_table(
        "alerts",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
    )
    op.create_table(
        "duties",
        sa.Column("name", sa.String(length=32), primary_key=True),
        sa.Column("holder", sa.String(length=26), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
