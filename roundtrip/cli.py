"""The command line. Each command only parses, calls one function, and shows the result."""

import faulthandler
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from roundtrip.build.command import docs
from roundtrip.company import Company
from roundtrip.disk import explained
from roundtrip.errors import BadInput, RoundtripError
from roundtrip.home import Home
from roundtrip.lock import one_run_at_a_time
from roundtrip.metrics.command import app as metrics_app
from roundtrip.model import app as model_app
from roundtrip.options import HomeOption
from roundtrip.queries.command import app as query_app
from roundtrip.rounds.command import app as round_app
from roundtrip.strategies.command import check_language, strategies

app = typer.Typer(
    help="Roundtrip: the open retention warehouse for travel companies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(metrics_app, name="metrics")
app.add_typer(model_app, name="model")
app.add_typer(query_app, name="query")
app.add_typer(round_app, name="round")
app.command()(docs)
app.command()(strategies)
console = Console()

#: The simulated company: three years before the rollout plan and the plan's twelve months.
CUSTOMERS, MONTHS, SEED = 20_000, 48, 7

AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", help="The date to run for, as 2025-12-31 (default: company.yml's, else yesterday)."
    ),
]
LandingOption = Annotated[
    Path | None,
    typer.Option(
        "--landing",
        help="The folder with the company's files; leave out where --source has a databases.yml and no more.",
    ),
]
SourceOption = Annotated[
    Path | None,
    typer.Option("--source", help="Mapping folder; leave out where files have the contract's shape."),
]
LocalOption = Annotated[
    bool, typer.Option("--local", help="Run the stages in this process, without Airflow.")
]


def parse_as_of(text: str | None, company: Company) -> date:
    """The date given, else the company's, else yesterday (the last whole day)."""
    chosen = text or company.settings.get("as_of")
    if chosen is None:
        return datetime.now(UTC).date() - timedelta(days=1)
    try:
        return date.fromisoformat(chosen)
    except ValueError as error:
        raise BadInput(f"--as-of {chosen!r} is not a date", "write it as 2025-12-31") from error


def _landing(landing: Path | None, source: Path | None) -> Path:
    """The landing folder; a company that has databases only is run with its mapping folder in that place."""
    if landing is None and (source is None or not (source / "databases.yml").exists()):
        raise BadInput("--landing is missing", "give the folder with the company's files")
    return landing or source


def _run(home: Home, company: Company, as_of: str | None, local: bool) -> None:
    from roundtrip.summary import print_summary

    day = parse_as_of(as_of, company)
    with one_run_at_a_time(home):
        company.save(home)
        if local:
            from roundtrip.local import run_locally

            run_locally(home, day, console)
        else:
            from roundtrip.airflow.run import run_through_airflow

            run_through_airflow(home, day, console)
    print_summary(home, day, console)


@app.command()
def run(
    landing: LandingOption = None,
    source: SourceOption = None,
    home: HomeOption = None,
    as_of: AsOfOption = None,
    local: LocalOption = False,
) -> None:
    """The whole workflow for one company up to a date."""
    company = Company.describe(_landing(landing, source), source)
    _run(company.home(home, console.print), company, as_of, local)


@app.command()
def demo(
    home: HomeOption = None,
    customers: Annotated[int, typer.Option(help="How many customers to simulate.")] = CUSTOMERS,
    months: Annotated[int, typer.Option(help="How many months of history.")] = MONTHS,
    seed: Annotated[int, typer.Option(help="The same seed gives the same company.")] = SEED,
    local: LocalOption = False,
) -> None:
    """Simulate a travel company (once) and run the whole workflow on it."""
    from roundtrip.simulate import simulate as simulate_company

    place = Home.from_env(home)
    with one_run_at_a_time(place):
        if not place.simulated_dir.exists():
            with _months_lived("simulating a travel company") as progress:
                simulate_company(place.simulated_dir, customers, months, seed, progress=progress)
    _run(place, Company.describe(place.simulated_dir, None), None, local)


@app.command()
def simulate(
    out: Annotated[
        Path | None, typer.Option(help="Where a new company's files go; must not hold anything yet.")
    ] = None,
    continued: Annotated[
        Path | None, typer.Option("--continue", help="A simulated company's folder, to live on with it.")
    ] = None,
    customers: Annotated[
        int | None, typer.Option(help=f"How many customers (default {CUSTOMERS}).", show_default=False)
    ] = None,
    months: Annotated[
        int | None,
        typer.Option(
            help=f"Months of history (default {MONTHS}), or to live on (default 1).", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help=f"The same seed gives the same company (default {SEED}).", show_default=False),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A YAML file that changes parameters (docs/simulated-company.md).")
    ] = None,
    interventions: Annotated[
        Path | None, typer.Option(help="With --continue: a CSV file of what is done to whom.")
    ] = None,
) -> None:
    """Write the files of a simulated travel company whose truth is known, or live on with it."""
    from roundtrip.simulate import live_on
    from roundtrip.simulate import simulate as simulate_company

    given = {"--out": out, "--customers": customers, "--seed": seed, "--config": config}
    if continued is not None:
        if named := [name for name, value in given.items() if value is not None]:
            raise BadInput(
                f"{' and '.join(named)} cannot be given with --continue",
                "leave it out: a company that lives on keeps what it was simulated with",
            )
        with _months_lived("living on") as progress:
            made = live_on(continued, 1 if months is None else months, interventions, progress=progress)
    else:
        if out is None:
            raise BadInput("neither --out nor --continue is given", "say where: --out FOLDER")
        if interventions is not None:
            raise BadInput("--interventions needs --continue", "give the company's folder with --continue")
        with _months_lived("simulating a travel company") as progress:
            made = simulate_company(
                out,
                CUSTOMERS if customers is None else customers,
                MONTHS if months is None else months,
                SEED if seed is None else seed,
                config,
                progress=progress,
            )
    for table, rows in made["rows"].items():
        console.print(f"{table:<18}{rows:>12,} rows")
    console.print(f"{made['starts_on']} to {made['ends_on']}, written to {made['out']}", highlight=False)


@app.command()
def loop(
    home: HomeOption = None,
    months: Annotated[int, typer.Option(help="How many months the plan is lived.")] = 12,
    customers: Annotated[int, typer.Option(help="How many customers to simulate.")] = CUSTOMERS,
    history: Annotated[int, typer.Option(help="How many months of history before.")] = MONTHS,
    seed: Annotated[int, typer.Option(help="The same seed gives the same company.")] = SEED,
    config: Annotated[
        Path | None,
        typer.Option(
            help="A YAML file that changes the world, such as roundtrip/simulate/worlds/nothing_works.yml."
        ),
    ] = None,
) -> None:
    """Live the plan on a simulated company: warn, decide, act, the world answers, measure; every month."""
    from roundtrip.simulate import simulate as simulate_company
    from roundtrip.simulate.loop import compare, live_the_plan, measured, months_shown, show

    place = Home.from_env(home)
    with one_run_at_a_time(place):
        if not place.simulated_dir.exists():
            with _months_lived("simulating a travel company") as progress:
                simulate_company(place.simulated_dir, customers, history, seed, config, progress=progress)
        with months_shown(months, console) as tell:
            begun = live_the_plan(place, place.simulated_dir, months, tell)
    company = Company.load(place)
    compared = compare(place.simulated_dir, Path(begun.untouched), date.fromisoformat(begun.began_on))
    found = measured(place, date.fromisoformat(company.settings["as_of"]))
    show(compared, found, company.settings["reporting_currency"], console)


@contextmanager
def _months_lived(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar of months; what it yields takes months done and in total."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("months"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@app.command("new-source")
def new_source(
    name: Annotated[str, typer.Argument(help="The mapping folder's name: letters, digits, _ and -.")],
    landing: Annotated[
        Path | None, typer.Option("--landing", help="The folder with the company's own files.")
    ] = None,
    databases: Annotated[
        Path | None,
        typer.Option("--databases", help="A databases.yml that names PostgreSQL tables (docs/sources.md)."),
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option("--sources", help="Where mapping folders are kept (default: sources/)."),
    ] = None,
) -> None:
    """Draft a mapping folder from a company's own files and tables, with comments where it needs you."""
    from roundtrip.draft import SOURCES_DIR, draft_source, show

    if landing is None and databases is None:
        raise BadInput("neither --landing nor --databases is given", "say what to draft from")
    show(draft_source(name, landing, sources or SOURCES_DIR, databases_file=databases), console)


@app.command()
def check(
    landing: LandingOption = None,
    source: SourceOption = None,
    as_of: AsOfOption = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the landing gate's checks.")] = False,
) -> None:
    """A dry run: what would be loaded and refused, and why. Writes nothing."""
    from roundtrip.check import check as check_files
    from roundtrip.check import show

    company = Company.describe(_landing(landing, source), source)
    result = check_files(company, parse_as_of(as_of, company), with_gate=not quick)
    show(result, console)
    if result.refused:
        raise result.refused


@app.command()
def stage(
    name: Annotated[str, typer.Argument(help="The stage's name, as `roundtrip status` lists them.")],
    home: HomeOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Run one stage alone, for a company that was set up by `run`."""
    from roundtrip.runs import write_run_page
    from roundtrip.stages import run_stage

    place = Home.from_env(home)
    day = parse_as_of(as_of, Company.load(place))
    with one_run_at_a_time(place):
        try:
            summary = run_stage(name, place, day)
        finally:
            write_run_page(place, day)
        console.print_json(data=summary, default=str)


@app.command()
def rollback(
    home: HomeOption = None,
    to: Annotated[
        str | None, typer.Option("--to", help="The version to go back to; leave out to list them.")
    ] = None,
) -> None:
    """Publish an earlier version again, or list the versions that are kept."""
    from roundtrip.publish import Actor, roll_back
    from roundtrip.summary import print_versions

    place = Home.from_env(home)
    Company.load(place)
    if to is None:
        print_versions(place, console)
        return
    with one_run_at_a_time(place):
        done = roll_back(place, to, Actor.at(datetime.now(UTC)))
    console.print(f"published again: {done['version']} (as of {done['as_of']})", highlight=False)
    console.print(f"taken back: {done['replaced'] or 'a publication whose version is not known'}")
    console.print(f"the report is not: `roundtrip report --as-of {done['as_of']}` writes it again")


@app.command()
def erase(
    customer: Annotated[
        list[str] | None,
        typer.Option("--customer", help="An id to erase by hand, as the company delivers it; repeatable."),
    ] = None,
    home: HomeOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Carry out the erasure requests that are loaded, and those given here; every run does so, too."""
    from roundtrip.erase import erase as erase_customers

    place = Home.from_env(home)
    day = parse_as_of(as_of, Company.load(place))
    with one_run_at_a_time(place):
        console.print_json(data=erase_customers(place, day, customer or ()))


@app.command()
def contract(
    odcs: Annotated[
        Path | None,
        typer.Option(
            "--odcs", help="Write it as an Open Data Contract Standard document (YAML) to this file."
        ),
    ] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", help="Say where such a document differs from the contract.")
    ] = None,
) -> None:
    """The source contract: what a company hands over; for data catalogues, or compared with theirs."""
    from roundtrip.contract import odcs as standard
    from roundtrip.contract.page import text
    from roundtrip.files import write_atomically

    if odcs is not None:
        write_atomically(odcs, standard.as_yaml())
        console.print(f"written: {odcs} (ODCS {standard.API_VERSION})", highlight=False)
    if compare is not None:
        if found := standard.differences(standard.read(compare)):
            raise BadInput(
                "\n  ".join([f"{compare} differs from the contract:", *found]), "change what differs"
            )
        console.print(f"{compare} agrees with the contract", highlight=False)
    if odcs is None and compare is None:
        console.print(text(), markup=False, highlight=False, soft_wrap=True)


@app.command()
def requeue(
    mended: Annotated[
        Path | None, typer.Argument(help="A mended file, or a folder of them; leave out to see the counts.")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write open refused rows there: a .csv file, or a folder."),
    ] = None,
    table: Annotated[str | None, typer.Option("--table", help="With --export: of that table.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="With --export: refused by that rule.")] = None,
    run_id: Annotated[str | None, typer.Option("--run", help="With --export: refused in that run.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of them.")] = False,
    home: HomeOption = None,
) -> None:
    """Refused rows: what became of them, out to be mended, and mended rows in again."""
    from roundtrip import requeue as room
    from roundtrip.requeue import show

    place = Home.from_env(home)
    Company.load(place)
    if mended is not None and export is not None:
        raise BadInput("a mended file and --export are given", "give one of them")
    if export is None and (table or rule or run_id):
        raise BadInput("--table, --rule and --run need --export", "say where: --export FOLDER")
    if export is not None:
        show.show_export(room.export(place, export, table, rule, run_id), console)
    elif mended is not None:
        with one_run_at_a_time(place):
            accounts = room.requeue(place, mended, dry_run)
        show.show_accounts(accounts, dry_run, console)
        if any(account.refused for account in accounts):
            raise typer.Exit(BadInput.exit_code)
    else:
        show.show_counts(room.counts(place), console)


@app.command()
def status(home: HomeOption = None) -> None:
    """What is there, how fresh it is, what failed, and which servers run."""
    from roundtrip.servers import status as server_rows
    from roundtrip.servers import status_table
    from roundtrip.summary import print_status

    place = Home.from_env(home)
    print_status(place, console)
    console.print(status_table(server_rows(place)))


@app.command()
def report(
    home: HomeOption = None,
    as_of: AsOfOption = None,
    language: Annotated[
        str | None,
        typer.Option("--lang", "--language", help="Say where the page in en or zh is; both if left out."),
    ] = None,
) -> None:
    """Write the report in both languages from what is published, and say where it is."""
    from roundtrip.stages import run_stage

    if language:
        check_language(language)
    place = Home.from_env(home)
    day = parse_as_of(as_of, Company.load(place))
    summary = run_stage("report", place, day)
    for file in map(Path, summary["files"]):
        if file.name.startswith(f"{day}.{language or ''}"):
            console.print(file, soft_wrap=True)
    pdf, kept = summary["pdf"], summary["mlflow"]
    for told in (pdf.get("why_not"), pdf.get("note")):
        if told:
            hint = f"; {pdf['how_to']}" if "how_to" in pdf else ""
            console.print(f"PDF: {told}{hint}", markup=False, soft_wrap=True)
    if "not_logged" in kept:
        console.print(f"not kept in MLflow: {kept['not_logged']}", markup=False, soft_wrap=True)


@app.command()
def up(home: HomeOption = None) -> None:
    """Start Airflow, MLflow and the reports on loopback, with logins."""
    from roundtrip.servers import up as start

    start(Home.from_env(home), console)


@app.command()
def down(home: HomeOption = None) -> None:
    """Stop exactly what `up` started."""
    from roundtrip.servers import down as stop

    stop(Home.from_env(home), console)


def main() -> None:
    """The console script: errors that a user can act on are shown without a traceback."""
    # A library that crashes takes the process with it: what every thread was doing is said before.
    if not faulthandler.is_enabled():
        faulthandler.enable(sys.__stderr__)
    try:
        app()
    except Exception as error:
        told = error if isinstance(error, RoundtripError) else explained(error)
        if told is None:
            raise
        Console(stderr=True).print(f"[red]error[/] {told}", highlight=False, soft_wrap=True)
        sys.exit(told.exit_code)


if __name__ == "__main__":
    main()
