"""Which outputs of a stack belong to which Homing."""

from __future__ import annotations

import pytest

from homing.stack_outputs import NotInStackError, homing_outputs

ALONE = {"ApiUrl": "a", "SenderApiUrl": "b", "KeysTable": "c"}
SHOP = {
    **{f"Webhooks{name}": f"shop {value}" for name, value in ALONE.items()},
    **{f"PartnersWebhooks{name}": f"partners {value}" for name, value in ALONE.items()},
    "QueueUrl": "theirs",
    "BackendApiUrl": "theirs",
}


@pytest.mark.parametrize(
    ("outputs", "construct", "api"),
    [
        (ALONE, None, "a"),
        (ALONE, "Default", "a"),
        ({**ALONE, **SHOP}, "Default", "a"),
        (SHOP, "Webhooks", "shop a"),
        (SHOP, "Partners/Webhooks", "partners a"),
        (SHOP, "Partners/Default/Webhooks", "partners a"),
        ({"SenderApiUrl": "a", "SenderSenderApiUrl": "b"}, None, "a"),
    ],
)
def test_a_homing_is_found_by_the_path_of_its_construct(
    outputs: dict[str, str], construct: str | None, api: str
) -> None:
    assert homing_outputs(outputs, construct)["ApiUrl"] == api


@pytest.mark.parametrize(
    ("outputs", "construct", "complaint"),
    [
        ({}, None, "has no Homing: it has no outputs ApiUrl and SenderApiUrl"),
        ({"BackendApiUrl": "theirs"}, "Backend", "has no Homing"),
        (SHOP, None, "has several Homings: choose one of PartnersWebhooks, Webhooks"),
        (SHOP, "Hooks", "has no Homing Hooks: choose one of PartnersWebhooks, Webhooks"),
        (ALONE, "Webhooks", "has no Homing Webhooks: choose one of Default"),
    ],
)
def test_where_none_is_meant_or_several_are_the_error_says_which_there_are(
    outputs: dict[str, str], construct: str | None, complaint: str
) -> None:
    with pytest.raises(NotInStackError, match=complaint):
        homing_outputs(outputs, construct)
