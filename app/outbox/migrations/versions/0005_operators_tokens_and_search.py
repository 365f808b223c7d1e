"""Who may use the desk and the API, what leads are found by, and which transaction changed one last."""

import sqlalchemy as sa
from alembic import op

from app.outbox import search  # how leads are found is made anew from what they say: today's way is the right one
from app.outbox.tables import WORDS

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

AT_ONCE = 1000


def upgrade() -> None:
    op.create_table(
        "operators",
        sa.Column("name", sa.String(length=64), primary_key=True),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("sessions_from", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=26), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, unique=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
    )
    op.create_table(
        "ended_sessions",
        sa.Column("mark", sa.String(length=64), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=16), primary_key=True),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("back", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        sa.Column("is_stopped", sa.Boolean(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
    )
    op.execute(  # answers to several leads at once, each of which was kept with the names of the others
        "UPDATE attempts SET answer = '' WHERE outcome IN ('created', 'sent apart') OR outcome = 'unknown' "
        "AND status IS NOT NULL"
    )
    op.add_column("workspaces", sa.Column("stopped_by", sa.Text(), nullable=False, server_default=""))
    op.add_column("workspaces", sa.Column("per_second", sa.Float(), nullable=True))
    op.add_column("leads", sa.Column("changed", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("leads_changed", "leads", ["changed"])
    op.create_table(
        "turns",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("erased", sa.BigInteger(), nullable=True),
    )
    op.create_index("leads_in_state", "leads", ["state", "id"])
    op.create_index("leads_of_endpoint", "leads", ["endpoint", "id"])
    short = sa.text("length(source) <= 64")
    op.create_index("leads_of_source", "leads", ["source", "id"], sqlite_where=short, postgresql_where=short)
    for statement in WORDS[op.get_bind().dialect.name]:
        op.execute(statement)
    _note_all(op.get_bind())


def _note_all(connection: sa.Connection) -> None:
    names = dict.fromkeys((*search.COLUMNS, "contact_no"))
    leads = sa.table(
        "leads", sa.column("id"), sa.column("state"), sa.column("details", sa.JSON), *map(sa.column, names)
    )
    page, after = sa.select(leads).where(leads.c.state != "erased").order_by(leads.c.id).limit(AT_ONCE), ""
    engine = connection.dialect.name
    while found := connection.execute(page.where(leads.c.id > after)).mappings().all():
        connection.execute(search.NOTE[engine], [search.noted(row["id"], row, engine) for row in found])
        after = found[-1]["id"]
