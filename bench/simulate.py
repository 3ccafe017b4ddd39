"""From what was measured on one machine to what other sizes would do: `python -m bench.simulate`."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.simulation.costs import BadInput, load
from bench.simulation.sheets import Sheet, sheets, write

ROOT = Path(__file__).parents[1]
RESULTS, COSTS = ROOT / "docs" / "benchmarks" / "results.json", Path(__file__).parent / "costs.toml"
_FILE = click.Path(dir_okay=False, path_type=Path)
_EXAMPLES = """
\b
Examples:
  python -m bench.simulate                           from the committed result of the bench
  python -m bench.simulate --results run.json        from another one, of your machine
  python -m bench.simulate --costs mine.toml         with your prices, disks and mix
  python -m bench.simulate --write docs/scaling.md   the tables of that page anew
"""


@click.command(epilog=_EXAMPLES)
@click.option("--results", default=RESULTS, type=_FILE, help="What `python -m bench --write FOLDER` wrote.")
@click.option("--costs", default=COSTS, type=_FILE, help="What the bench does not report, and what is assumed.")
@click.option("--write", "page", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Renew its tables.")
def main(results: Path, costs: Path, page: Path | None) -> None:
    """Simulate the measured points from the measured costs, and predict what larger sizes carry.

    The simulation is given CPU seconds and times of single steps, and no rate: how far it is from the measured rates
    is the first table. The other tables are arithmetic from the same costs, and from assumptions in the file of costs.
    """
    console = Console(width=None if sys.stdout.isatty() else 170)
    try:
        made = list(sheets(load(results, costs)))
    except BadInput as error:
        raise SystemExit(str(error)) from None
    for sheet in made:
        console.print(_table(sheet))
    if page:
        missing = write(page, made)
        console.print(
            f"The tables of {page} are new." + (f" It has no place for: {', '.join(missing)}" * bool(missing))
        )


def _table(sheet: Sheet) -> Table:
    table = Table(title=sheet.title, title_justify="left")
    for number, name in enumerate(sheet.columns):
        table.add_column(name, justify="right" if number else "left")
    for row in sheet.rows:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    main(prog_name="python -m bench.simulate")
