"""Records in simulated histories change only as the table of transitions says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from homing.items import from_dynamodb
from homing.ledger.record import Record
from homing.ledger.transitions import TRANSITIONS, State, state_of
from simulation.history import run_history
from simulation.search.drawing import draw_case

if TYPE_CHECKING:
    from simulation.deployed.edges import Edges

IN_THE_TABLE = {pair for after in TRANSITIONS.values() for pair in after.items()}
HISTORIES = 120


def test_every_change_of_a_record_in_random_histories_is_in_the_table(edges: Edges) -> None:
    changes: Counter[tuple[State, State]] = Counter()
    for seed in range(HISTORIES):
        case = draw_case(seed)
        journal = run_history(case.scenario, case.plan(), seed, edges).journal
        for change in journal.written:
            before = change.before and Record.from_attributes(from_dynamodb(change.before))
            after = Record.from_attributes(from_dynamodb(change.after))
            changes[state_of(before or None), state_of(after)] += 1
    assert changes.keys() <= IN_THE_TABLE
    assert len(changes) > len(IN_THE_TABLE) / 2
