"""The command `homing smoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from homing_cli.commands.options import AsJson, Where, print_json
from homing_cli.errors import NoTargetError
from homing_cli.escaping import say
from homing_cli.smoke.checks import Waiting, check, stack_not_found
from homing_cli.smoke.finding import Finding, Outcome, conclusion, works
from homing_cli.smoke.probes import Probes

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEFAULT_SECONDS = 60
_OUTCOME_WIDTH = max(len(outcome) for outcome in Outcome)
_CHECK_WIDTH = len("dead letters")


def smoke(
    where: Where,
    timeout: Annotated[
        float, typer.Option(min=0, help="How many seconds to wait for the message to arrive.")
    ] = _DEFAULT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Check a deployed stack: send a signed message to the stack's receiver; report what works.

    The stack must have been deployed with `-c smokeEndpoint=true`. The exit status is 0 if a
    message was delivered and its signature verified; otherwise the conclusion is printed on
    standard error.
    """
    found = []
    for finding in _findings(timeout, where):
        found.append(finding)
        if not as_json:
            say(_line(finding))
    if as_json:
        print_json(
            {
                "works": works(found),
                "conclusion": conclusion(found),
                "findings": [one.to_document() for one in found],
            }
        )
    if not works(found) or not as_json:
        say(conclusion(found), err=not works(found))
    raise typer.Exit(0 if works(found) else 1)


def _findings(timeout: float, where: Where) -> Iterator[Finding]:
    try:
        target = where.target()
    except NoTargetError as error:
        yield stack_not_found(error)
        return
    found = f"{where.stack} in {target.session.region_name}" if where.stack else "the local cloud"
    yield Finding("stack", Outcome.OK, f"found {found}")
    yield from check(Probes(target), Waiting(timeout))


def _line(finding: Finding) -> str:
    fix = f". {finding.fix}" if finding.fix else ""
    outcome, name = finding.outcome.ljust(_OUTCOME_WIDTH), finding.check.ljust(_CHECK_WIDTH)
    return f"{outcome}  {name}  {finding.says}{fix}"
