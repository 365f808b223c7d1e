"""`lead-relay import …`: the people of a CSV file become leads, as if each had sent a form."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import console
from app.cli.base import Json, configuration, endpoints, hands, sure
from app.errors import ConfigurationError, StoreUnavailable

if TYPE_CHECKING:
    from app.config.endpoints import Endpoint
    from app.config.relay_toml import RelayConfig
    from app.config.settings import Settings
    from app.sheets.imports import Import, Reject, Tally
    from app.sheets.sheet import Row, Sheet

AGAIN = "Say the same again: it goes on where it stopped."
commands = typer.Typer()


@commands.command("import")
def import_leads(
    *,
    file: Annotated[Path, typer.Argument(help="A CSV file whose first line names the columns.")],
    named: Annotated[
        str | None, typer.Option("--as", help="Read as sent to this form or hook.", autocompletion=endpoints)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would become of it.")] = False,
    hold: Annotated[bool, typer.Option("--hold/--deliver", help="Keep the leads held, or send them.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="A new file for the rows that nobody can be reached by.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Such as windows-1251, where it is not told right.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Read people in from a CSV file, each row as an enquiry. Ended at any moment, it goes on when it is said again."""
    from datetime import UTC, datetime

    from app.sheets.imports import Import
    from app.sheets.sheet import open_sheet

    settings, config = configuration()
    endpoint = _endpoint(config, named)
    per_second = pace(settings, config, endpoint)
    one = Import(open_sheet(file, encoding), endpoint, lambda: datetime.now(UTC), hold, per_second)
    if not dry_run and not yes:
        looked = asyncio.run(_run(one, not_kept, dry_run=True))
        if looked.leads:
            _ask(one, looked)
    try:
        with rejected(one.sheet, rejects, dry_run=dry_run) as (reject, written):
            tally = asyncio.run(_run(one, reject, dry_run=dry_run))
    except KeyboardInterrupt:
        console.say("Nothing was changed." if dry_run else f"Stopped. {AGAIN}")
        raise
    _show(one, tally, written[0] if tally.rejected and written else None, dry_run=dry_run, as_json=as_json)


def _endpoint(config: RelayConfig, named: str | None) -> Endpoint:
    known = {one.name: one for one in config.endpoints()}
    if named is None and len(known) == 1:
        return next(iter(known.values()))
    if named not in known:
        there = ", ".join(known) or "none"
        wrong = f"--as {named}: relay.toml has no such form or hook" if named else "Say --as NAME"
        raise ConfigurationError(f"{wrong}: whose mapping, defaults and workspace count? There are: {there}.")
    return known[named]


def pace(settings: Settings, config: RelayConfig, endpoint: Endpoint) -> float:
    """How many leads a second fall due: half of what is sent at most, so that nobody who writes today has to wait."""
    own = config.workspaces.get(endpoint.workspace or "")
    requests = (own and own.requests_per_second) or settings.delivery_requests_per_second
    return requests * ((own and own.batch) or settings.delivery_batch) / 2


async def _run(one: Import, reject: Reject, *, dry_run: bool) -> Tally:
    from functools import partial

    from app.sheets.imports import take_in

    async with hands() as person:
        try:
            if not dry_run:
                words = f"as {one.endpoint.name}"
                await person.outbox.write(partial(person.note, what="import", words=words))
            with console.progress("look" if dry_run else "import", one.sheet.size) as advance:
                return await take_in(one, person.outbox, reject, advance, dry_run=dry_run)
        except StoreUnavailable as error:
            raise ConfigurationError(f"The store does not take it just now. {AGAIN}") from error


def _ask(one: Import, looked: Tally) -> None:
    new, held = looked.leads.get("pending", 0), looked.leads.get("held", 0)
    minutes = round(new / one.per_second / 60)
    time = f"{minutes:,} minutes" if minutes > 1 else "a minute"
    sent = f"; {new:,} are sent to AgencyHandy, within about {time}" if new else ""
    kept = f"; {held:,} are held for a person" if held else ""
    sure(f"import: {looked.leads.total():,} new leads as {one.endpoint.name}{sent}{kept}.", yes=False)


@contextmanager
def rejected(sheet: Sheet, path: Path | None, *, dry_run: bool) -> Iterator[tuple[Reject, list[Path]]]:
    """What writes a rejected row into a new file, and which that is; a rehearsal writes only where a file is named."""
    from app.sheets.imports import REJECTED
    from app.sheets.sheet import as_row, new_file

    if dry_run and path is None:
        yield not_kept, []
        return
    to = path or next(one for one in map(_numbered(sheet.path), count(1)) if not one.exists())
    kept = [name for name in sheet.columns if name not in REJECTED]
    places = [number for number, name in enumerate(sheet.columns) if name in kept]
    found = 0
    with new_file(to, encoding="utf-8-sig") as out:
        table = csv.writer(out)
        table.writerow(as_row([*kept, *REJECTED]))

        def reject(row: Row, why: str) -> None:
            nonlocal found
            found += 1
            cells = (*row.cells, *("" for _ in sheet.columns))
            more = row.cells[len(sheet.columns) :]
            table.writerow(as_row([*(cells[place] for place in places), row.line, why, *more]))

        yield reject, [to]
    if not found:
        to.unlink()


def _numbered(path: Path) -> Any:
    return lambda number: path.with_name(f"{path.stem}-rejects{'' if number == 1 else f'-{number}'}.csv")


def _show(one: Import, tally: Tally, rejects: Path | None, *, dry_run: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from app.cli.console_leads import leads_shown
    from app.sheets.imports import became

    columns = became(tally, one.sheet)
    if as_json:
        facts = {
            "file": str(one.sheet.path),
            "endpoint": one.endpoint.name,
            "dryRun": dry_run,
            "encoding": one.sheet.encoding,
            "separator": one.sheet.separator,
            "rows": tally.rows,
            "leads": dict(tally.leads),
            "known": tally.known,
            "rejected": dict(tally.rejected),
            "rejects": str(rejects) if rejects else None,
            "columns": columns,
            "first": [asdict(lead) for lead in tally.first],
        }
        console.print_json(facts)
        return
    if dry_run:
        leads_shown(tally.first)
        rows = ((name, fields or "nothing: it is empty, or not kept") for name, fields in columns.items())
        console.wide.print(console.table(("column", "becomes"), rows))
    if one.sheet.renamed:
        console.say(f"Columns of one name, or of none, are taken as: {', '.join(one.sheet.renamed)}")
    would = "would be " if dry_run else ""
    console.say(f"{tally.rows:,} rows, read as {one.sheet.encoding}, as sent to {one.endpoint.name}")
    for state, number in tally.leads.items():
        console.say(f"  {would}new leads, {state}: {number:,}")
    console.say(f"  known already: {tally.known:,}")
    console.say(f"  rejected: {tally.rejected.total():,}")
    for why, number in tally.rejected.most_common(console.MOST_LINES):
        console.complain(f"{number:,}: {why}")
    if rejects is not None:
        console.say(f"The rejected rows are in {rejects}: mend them there, and import that file.")


def not_kept(_row: Row, _why: str) -> None:
    """What becomes of a reject where no file for them is named: it is only counted."""
