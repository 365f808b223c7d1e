"""Leads of whom a provider sent an id only, to be fetched from its API."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("leads", sa.Column("to_fetch", sa.Text(), nullable=True))
    op.add_column("leads", sa.Column("notice_id", sa.String(length=26), nullable=True))
    waiting, fetched = sa.text("to_fetch IS NOT NULL"), sa.text("notice_id IS NOT NULL")
    due = ["endpoint", "next_attempt_at", "id"]
    op.create_index("leads_to_fetch", "leads", due, sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("leads_of_notice", "leads", ["notice_id"], sqlite_where=fetched, postgresql_where=fetched)
