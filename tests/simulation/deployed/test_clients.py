"""The simulated clients refuse what AWS refuses."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from simulation.deployed.clients import StepFunctions


@pytest.mark.parametrize("operation", ["start_execution", "start_sync_execution"])
def test_an_input_of_more_than_256_kib_is_refused(operation: str) -> None:
    start = getattr(StepFunctions(sync_timeout=1000), operation)
    text = '"' + "я" * 131_072 + '"'
    with pytest.raises(ClientError, match="ValidationException"):
        start(stateMachineArn="arn", name="name", input=text)
