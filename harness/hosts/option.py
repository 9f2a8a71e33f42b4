"""`--on`: the option, and what a command does that is given some."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.core import ParameterSource
from rich.console import Console

from pytest_sessionreg.error_base import ResultError
from pytest_sessionreg.extras import require
from pytest_sessionreg.results.envelope import Envelope
from pytest_sessionreg.results.environment import Environment

from ..cli.console import command_line
from ..cli.delivery import deliver
from ..cli.parameters import check_directory
from ..cli.step_display import step_display

if TYPE_CHECKING:
    from .gathering import Answer, HostOrder
    from .result import HostReport

__all__ = ["HostsCommand"]

# Options that are about this side, and options that name a file of this side, whose text travels.
_SPECS = "specs"
_OURS = (_SPECS, "out", "as_json", "no_plots")
_FILES = ("sql", "schema", "resume")
# Not where the command's own results go: a later one of another kind would be taken for part of the same run.
_DEFAULT_OUT = "reports/hosts"


class HostsCommand(click.Command):
    """A command that has the option --on: given some, its words are followed there. Without it nothing changes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stores = any(option.name == "out" and option.default is not None for option in self.params)
        place = f" Results then go to {_DEFAULT_OUT}, unless --out is given." if stores else ""
        self.params.append(
            click.Option(
                ["--on", _SPECS],
                multiple=True,
                metavar="SPEC",
                help="Run it there, repeatable, and set the hosts side by side: popen, ssh=user@host, "
                f"ssh=user@host//python=PATH or another execnet spec.{place}  [default: here]",
            )
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click.Command does; the words are remembered as they were given."""
        ctx.meta[__name__] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command here, or elsewhere."""
        specs = ctx.params.pop(_SPECS)
        if specs:
            try:
                _run_on_hosts(ctx, specs, ctx.params)
            except click.UsageError as error:
                error.ctx = error.ctx or ctx  # so that the message names this command's help
                raise
        return super().invoke(ctx)


def _run_on_hosts(context: click.Context, specs: Sequence[str], given: dict[str, Any]) -> NoReturn:
    require("--on", "execnet", extra="hosts")
    from .gathering import gather
    from .host import hosts

    every = hosts(specs)
    if given.get("out") is not None and context.get_parameter_source("out") is ParameterSource.DEFAULT:
        given = {**given, "out": Path(_DEFAULT_OUT)}
    check_directory(given.get("out"))
    order = _order(context)
    experiment = str(context.command.name)
    with step_display(Console(stderr=True)) as show:

        def on_change(running: Sequence[str], done: int) -> None:
            show(f"{experiment} at {', '.join(running) or 'no host yet'}", done, len(every))

        on_change((), 0)
        answers = gather(every, order, on_change=on_change)
    if all(answer.code == click.UsageError.exit_code for answer in answers):
        raise click.UsageError(_last_line(answers[0].said).removeprefix("sessionreg: ").split("; see sessionreg ")[0])
    _deliver(experiment, answers, given)


def _order(context: click.Context) -> HostOrder:
    """The command's words without those of this side, with the texts of the files that they name."""
    from .gathering import HostOrder
    from .protocol import SCRATCH

    command = context.command
    values, _, order = command.make_parser(context).parse_args(args=list(context.meta[__name__]))
    options = {option.name: option for option in command.params if isinstance(option, click.Option)}
    shown, words, files = [str(command.name)], [str(command.name)], {}
    for name in dict.fromkeys(str(parameter.name) for parameter in order):
        if name in _OURS or name not in options:
            continue
        option, value = options[name], values[name]
        switch = max(option.opts, key=len)
        for each in value if option.multiple else [value]:
            if option.is_flag:
                shown.append(switch)
                words.append(switch)
                continue
            there = each
            if name in _FILES:
                path = f"{name}/{os.path.basename(each)}"
                files[path] = _text(switch, each)
                there = f"{SCRATCH}/{path}"
            shown += [switch, each]
            words += [switch, there]
    words.append("--json")
    if "no_plots" in options:
        words.append("--no-plots")
    if "out" in options:
        words += ["--out", f"{SCRATCH}/out"]
    return HostOrder(words, files, shown)


def _text(switch: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{switch} {path}: cannot be read ({error}); name a text file") from None


def _deliver(experiment: str, answers: Sequence[Answer], given: dict[str, Any]) -> NoReturn:
    from .outcome import outcome
    from .result import KIND, SCHEMA, HostsResult

    out: Path | None = given.get("out")
    reports: list[HostReport] = []
    note = None
    documents: dict[str, Any] = {}
    for answer in answers:
        report, text, missing = _report(answer, out, plots=not given.get("no_plots", False))
        reports.append(report)
        note = note or missing
        documents[report.name] = None if text is None else json.loads(text)
    partial = next((f"{report.name}: {report.partial}" for report in reports if report.partial is not None), None)
    environment = Environment.of(os.path.join(tempfile.gettempdir(), "hosts.db"))
    result = HostsResult(Envelope(KIND, SCHEMA, command_line(), environment, partial), experiment, tuple(reports))
    if not given["as_json"]:
        deliver(outcome(result), as_json=False, out=out, note=note)
    if out is not None:
        missing = outcome(result).write(out, plots=True, json=True).note
        note = note or missing
    deliver(outcome(result, result.to_json(documents)), as_json=True, out=None, note=note)


def _report(answer: Answer, out: Path | None, *, plots: bool) -> tuple[HostReport, str | None, str | None]:
    """What is told of one host, the text of its result, which is stored with its page in its own directory, and what
    could not be stored there.
    """
    from ..cli.kinds import read_outcome
    from .result import HostReport

    host = answer.host
    error = answer.error
    try:
        found = None if error is not None else read_outcome(answer.printed)
    except ResultError:
        found, error = None, f"exit code {answer.code}; {_last_line(answer.said) or 'it said nothing'}"
    if found is None:
        return HostReport.without(host.name, host.spec, str(error)), None, None
    note = None if out is None else found.write(out / host.name, plots=plots, json=True).note
    complaints = [_last_line(complaint).removeprefix("sessionreg: ") for complaint in found.complaints]
    report = HostReport(
        name=host.name,
        spec=host.spec,
        error=None,
        partial=found.envelope.partial,
        wrong=tuple(complaints or ([found.finding] if found.wrong else [])),
        machine=found.envelope.environment.line(),
        finding=found.finding,
        file=None if out is None else f"{host.name}/{found.envelope.kind}.json",
        figures=tuple(found.figures),
    )
    return report, found.json, note


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
