"""The command line: its commands, and how each of them ends; heavy libraries late."""

import sys
from importlib.metadata import version as installed
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from lodo.benchmark import cli_looking, cli_results
from lodo.benchmark.cli_grids import sweep, tune
from lodo.benchmark.cli_run import run
from lodo.benchmark.stopping import Stopped, stoppable
from lodo.tasks.errors import InputError

app = typer.Typer(
    name="lodo",
    help="Which training dataset made the model do this, and which method can tell without retraining?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"lodo {installed('lodo')}")
        raise typer.Exit


@app.callback()
def lodo(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Which training dataset made the model do this, and which method can tell without retraining?"""


app.command()(run)
app.command()(sweep)
app.command()(tune)
app.command("list")(cli_looking.list_)
app.command()(cli_looking.describe)
app.command()(cli_looking.show)
app.command()(cli_looking.status)
app.command()(cli_looking.check)
app.command()(cli_results.report)
app.command()(cli_results.table)
app.command()(cli_results.compare)


def main() -> None:
    """Run the command line; bad input ends with one sentence and exit code 2, a failed run with 1, Ctrl-C with 130."""
    try:
        with stoppable():
            app(prog_name="lodo")
    except Stopped as error:
        _end("", "stopped; what was finished is kept: the same command goes on from there", error, 130)
    except InputError as error:
        _end("[red]error[/red] ", str(error), error, 2)
    except OSError as error:
        again = "what was finished is kept: free space or mend the folder and give the same command again"
        _end("[red]stopped[/red] ", f"{error}; {again}", error, 1)
    except ValueError as error:
        # Imported here, since it brings libraries that help and completion need not wait for.
        from lodo.reports.tables import ReportError

        if not isinstance(error, ReportError):
            raise
        _end("[red]error[/red] ", str(error), error, 2)
    except RuntimeError as error:
        from lodo.benchmark.scheduler import RunError

        if not isinstance(error, RunError):
            raise
        _end("[red]stopped[/red] ", str(error), error, 1)


def _end(word: str, sentence: str, error: BaseException, code: int) -> NoReturn:
    """Say why a command ends, with what was noted on the way, and end it."""
    text = "; ".join([sentence, *getattr(error, "__notes__", ())])
    Console(stderr=True, emoji=False).print(f"{word}{escape(text)}", highlight=False, soft_wrap=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
