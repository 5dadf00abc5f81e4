"""What all functions share, and the environment that each handler expects."""

from __future__ import annotations

import json
import math
import sys
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest

from homing import settings as handler_settings
from homing.retry.policy import Jitter, Policy
from homing.sending.time_left import CALL_SECONDS, is_enough, request_seconds
from homing.settings import (
    AcceptSettings,
    AuthorizeSettings,
    ComputeBackoffSettings,
    DeliverSettings,
    DispatchSettings,
    EndpointsSettings,
    GetMessageSettings,
    GuardSettings,
    IngestSettings,
    OperationalEventsSettings,
    RecordRetrySettings,
    RedriveSettings,
    ReleaseSettings,
    Settings,
    WatchdogSettings,
)
from homing.targets.address_guard import AddressGuard
from homing_cli.local.deployment import LOCAL_CONTEXT
from stacks.functions.lambda_python import find_python
from stacks.settings import InvalidSettingsError, StackSettings

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[3]
FUNCTION = "AWS::Lambda::Function"
POWERTOOLS = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}

# construct path -> the module of the function, and the settings class that its handler reads
FUNCTIONS: dict[str, tuple[str, type[Settings] | None]] = {
    "Reception/Accept": ("accept", AcceptSettings),
    "Reception/GetMessage": ("get_message", GetMessageSettings),
    "Reception/Redrive": ("redrive", RedriveSettings),
    "Reception/Dispatch": ("dispatch", DispatchSettings),
    "Endpoints/Endpoints": ("endpoints", EndpointsSettings),
    "Senders/Authorize": ("authorize", AuthorizeSettings),
    "Workflow/Deliver": ("deliver", DeliverSettings),
    "Workflow/Classify": ("classify", None),
    "Workflow/ComputeBackoff": ("compute_backoff", ComputeBackoffSettings),
    "Workflow/RecordRetry": ("record_retry", RecordRetrySettings),
    "Watchdog/Watchdog": ("watchdog", WatchdogSettings),
    "Events/OperationalEvents": ("operational_events", OperationalEventsSettings),
    "Ordering/Release": ("release", ReleaseSettings),
}


def environment(stack: Any, path: str) -> dict[str, Any]:
    variables: dict[str, Any] = stack.properties(FUNCTION, path)["Environment"]["Variables"]
    return variables


def test_these_are_all_the_functions_there_are(stack: Any) -> None:
    assert set(stack.resources(FUNCTION)) == set(FUNCTIONS)


def test_every_settings_class_belongs_to_a_function() -> None:
    classes = {one for one in vars(handler_settings).values() if isinstance(one, type)}
    readers = {one for one in classes if issubclass(one, Settings)} - {Settings, GuardSettings}
    ours = {used for _, used in FUNCTIONS.values() if used}
    assert ours | {IngestSettings} == readers  # the function exists only on demand: test_ingest.py


@pytest.mark.parametrize(("path", "module"), [(path, m) for path, (m, _) in FUNCTIONS.items()])
def test_a_function_runs_the_module_of_its_own_name(stack: Any, path: str, module: str) -> None:
    assert stack.properties(FUNCTION, path)["Handler"] == f"lambdas.{module}.handler"
    assert (PROJECT / "lambdas" / f"{module}.py").is_file()


@pytest.mark.parametrize(("path", "settings"), [(p, s) for p, (_, s) in FUNCTIONS.items()])
def test_a_function_finds_exactly_the_variables_that_its_handler_reads(
    stack: Any, path: str, settings: type[Settings] | None
) -> None:
    expected = set(settings.variables()) if settings else set()
    assert set(environment(stack, path)) == expected | POWERTOOLS


@pytest.mark.parametrize(
    ("path", "variable", "target"),
    [
        ("Reception/Accept", "MESSAGES_TABLE", "Ledger/Messages"),
        ("Reception/Accept", "LEDGER_TABLE", "Ledger/Deliveries"),
        ("Reception/Accept", "DELIVERY_QUEUE_URL", "Reception/Deliveries"),
        ("Reception/Accept", "BULK_QUEUE_URL", "Reception/Bulk"),
        ("Reception/Accept", "ENDPOINTS_TABLE", "Registry/Endpoints"),
        ("Reception/Accept", "WARM_UP_TOPIC_ARN", "Reception/WarmUp/Topic"),
        ("Endpoints/Endpoints", "ENDPOINTS_TABLE", "Registry/Endpoints"),
        ("Endpoints/Endpoints", "SECRETS_TABLE", "Registry/Secrets"),
        ("Senders/Authorize", "KEYS_TABLE", "Registry/Keys"),
        ("Workflow/Deliver", "ENDPOINTS_TABLE", "Registry/Endpoints"),
        ("Workflow/Deliver", "SECRETS_TABLE", "Registry/Secrets"),
        ("Reception/GetMessage", "MESSAGES_TABLE", "Ledger/Messages"),
        ("Reception/GetMessage", "LEDGER_TABLE", "Ledger/Deliveries"),
        ("Reception/Accept", "PAYLOAD_BUCKET", "Workflow/Payloads/Bucket"),
        ("Reception/Redrive", "PAYLOAD_BUCKET", "Workflow/Payloads/Bucket"),
        ("Workflow/Deliver", "PAYLOAD_BUCKET", "Workflow/Payloads/Bucket"),
        ("Reception/Dispatch", "STATE_MACHINE_ARN", "Workflow/StateMachine"),
        ("Reception/Dispatch", "FIRST_ATTEMPT_ARN", "Workflow/FirstAttempts"),
        ("Reception/Dispatch", "LEDGER_TABLE", "Ledger/Deliveries"),
        ("Reception/Dispatch", "DEAD_LETTER_QUEUE_URL", "Workflow/DeadLetters"),
        ("Reception/Dispatch", "DELIVERY_QUEUE_URL", "Reception/Deliveries"),
        ("Reception/Dispatch", "BULK_QUEUE_URL", "Reception/Bulk"),
        ("Workflow/RecordRetry", "LEDGER_TABLE", "Ledger/Deliveries"),
        ("Reception/Redrive", "REDRIVES_TABLE", "Ledger/Redrives"),
        ("Reception/Redrive", "WATCHDOG_ARN", "Watchdog/Watchdog"),
        ("Watchdog/Watchdog", "REDRIVES_TABLE", "Ledger/Redrives"),
        ("Watchdog/Watchdog", "PAYLOAD_BUCKET", "Workflow/Payloads/Bucket"),
        ("Watchdog/Watchdog", "LEDGER_TABLE", "Ledger/Deliveries"),
        ("Events/OperationalEvents", "LEDGER_TABLE", "Ledger/Deliveries"),
        ("Events/OperationalEvents", "ENDPOINTS_TABLE", "Registry/Endpoints"),
        *(
            (path, f"{name.upper()}_TABLE", f"Ledger/{name}")
            for path in ("Reception/Accept", "Watchdog/Watchdog", "Ordering/Release")
            for name in ("Lines", "Places")
        ),
        ("Reception/GetMessage", "PLACES_TABLE", "Ledger/Places"),
        ("Workflow/Deliver", "LINES_TABLE", "Ledger/Lines"),
        ("Ordering/Release", "LEDGER_TABLE", "Ledger/Deliveries"),
        ("Ordering/Release", "ENDPOINTS_TABLE", "Registry/Endpoints"),
        ("Ordering/Release", "DELIVERY_QUEUE_URL", "Reception/Deliveries"),
        ("Watchdog/Watchdog", "STATE_MACHINE_ARN", "Workflow/StateMachine"),
        ("Watchdog/Watchdog", "DELIVERY_QUEUE_URL", "Reception/Deliveries"),
        ("Watchdog/Watchdog", "UNDISPATCHED_QUEUE_URL", "Reception/Undispatched"),
        ("Watchdog/Watchdog", "DEAD_LETTER_QUEUE_URL", "Workflow/DeadLetters"),
    ],
)
def test_a_variable_leads_to_the_resource_that_it_is_named_after(
    stack: Any, path: str, variable: str, target: str
) -> None:
    assert stack.referred(environment(stack, path)[variable]) == target


def test_settings_reach_the_handlers_as_they_read_them(synthesize: Callable[..., Any]) -> None:
    """The values pass through the class that reads them in the function."""
    stack = synthesize(
        maxAttempts="5",
        baseDelaySeconds="0.5",
        jitter="full",
        retentionDays="7",
        attemptTimeoutSeconds="2.5",
        logLevel="DEBUG",
    )
    accept = environment(stack, "Reception/Accept")
    deployed = {name: value if isinstance(value, str) else "-" for name, value in accept.items()}
    settings = AcceptSettings.from_env(deployed)
    assert settings.default_policy == Policy(
        max_attempts=5, base_delay_seconds=0.5, jitter=Jitter.FULL
    )
    assert settings.retention_days == 7
    variables = environment(stack, "Workflow/Deliver")
    deliver = DeliverSettings.from_env(
        {name: value if isinstance(value, str) else "-" for name, value in variables.items()}
    )
    assert deliver.attempt_timeout_seconds == 2.5
    backoff = ComputeBackoffSettings.from_env(environment(stack, "Workflow/ComputeBackoff"))
    assert backoff.retention_days == 7
    assert accept["POWERTOOLS_LOG_LEVEL"] == "DEBUG"


GUARDED = ("Reception/Accept", "Endpoints/Endpoints", "Workflow/Deliver")


def idempotency_of(stack: Any, path: str) -> AddressGuard:
    return AddressGuard.from_document(json.loads(environment(stack, path)["ADDRESS_GUARD"]))


@pytest.mark.parametrize("path", GUARDED)
def test_a_deployed_stage_allows_https_to_four_ports_and_no_network_of_its_own(
    stack: Any, path: str
) -> None:
    guard = idempotency_of(stack, path)
    assert guard == AddressGuard()
    assert (guard.allow_http, guard.allowed_networks) == (False, ())
    assert guard.allowed_ports == {80, 443, 8080, 8443}


def test_the_guard_is_the_same_at_reception_and_at_the_connection(
    synthesize: Callable[..., Any],
) -> None:
    stack = synthesize(allowedPorts="443", refusedNetworks="203.0.113.0/24", allowHttp="true")
    (guard,) = {idempotency_of(stack, path) for path in GUARDED}
    assert guard == AddressGuard(
        allowed_ports=frozenset({443}),
        allow_http=True,
        refused_networks=(ip_network("203.0.113.0/24"),),
    )


def test_the_default_policy_is_that_of_the_domain(stack: Any) -> None:
    text = environment(stack, "Reception/Accept")["DEFAULT_POLICY"]
    assert Policy.from_document(json.loads(text)) == Policy()


@pytest.mark.parametrize(
    "seconds", ["1", *(pytest.param(each, marks=pytest.mark.slow) for each in ("15", "2.5")), "60"]
)
def test_deliver_outlives_the_slowest_attempt_by_a_start_and_by_all_that_may_follow_it(
    synthesize: Callable[..., Any], seconds: str
) -> None:
    function = synthesize(attemptTimeoutSeconds=seconds).properties(FUNCTION, "Workflow/Deliver")
    assert function["Timeout"] == math.ceil(float(seconds)) + 15
    left = function["Timeout"] - 3 - float(seconds)
    assert request_seconds(function["Timeout"] - 3) >= float(seconds)
    assert is_enough(left - CALL_SECONDS)


@pytest.mark.parametrize("path", FUNCTIONS)
def test_a_function_runs_on_arm_with_tracing_and_its_own_log_group(stack: Any, path: str) -> None:
    function = stack.properties(FUNCTION, path)
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["TracingConfig"] == {"Mode": "PassThrough"}
    assert stack.referred(function["LoggingConfig"]["LogGroup"]) == f"{path}Logs"


def test_the_functions_share_one_bundle_of_the_two_packages_and_nothing_else(stack: Any) -> None:
    """So a change of tests, docs or stacks does not redeploy functions."""
    functions = stack.resources(FUNCTION).values()
    (bundle,) = {function["Metadata"]["aws:asset:path"] for function in functions}
    files = [path for path in (stack.directory / bundle).rglob("*") if path.is_file()]
    inside = {path.relative_to(stack.directory / bundle).parts[0] for path in files}
    assert inside == {"homing", "lambdas"}
    assert not [path for path in files if path.match("homing/client/*")]
    assert {path.suffix for path in files} == ({".py", ".pyc"} if find_python() else {".py"})


def pinned_powertools() -> str:
    """The release of Powertools that the tests and the local cloud use."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    local = project["optional-dependencies"]["local"]
    (pin,) = [one for one in local if one.startswith("aws-lambda-powertools==")]
    return str(pin).partition("==")[2]


def test_the_published_layer_is_the_pinned_release_read_at_deployment(stack: Any) -> None:
    layers = {
        json.dumps(function["Properties"]["Layers"])
        for function in stack.resources(FUNCTION).values()
    }
    (reference,) = json.loads(layers.pop())
    assert not layers
    parameter = stack.template["Parameters"][reference["Ref"]]
    assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
    assert parameter["Default"] == (
        f"/aws/service/powertools/python/arm64/python3.13/{pinned_powertools()}"
    )


def test_the_local_cloud_gets_no_layer(synthesize: Callable[..., Any]) -> None:
    stack = synthesize(**LOCAL_CONTEXT)
    assert not any(
        "Layers" in function["Properties"] for function in stack.resources(FUNCTION).values()
    )
    assert "powertools" not in json.dumps(stack.template["Parameters"]).lower()


def test_a_layer_of_your_own_can_be_named(synthesize: Callable[..., Any]) -> None:
    arn = "arn:aws-cn:lambda:cn-north-1:123456789012:layer:Powertools:7"
    stack = synthesize(powertoolsLayer=arn)
    assert stack.properties(FUNCTION, "Workflow/Deliver")["Layers"] == [arn]


@pytest.mark.slow
def test_the_layer_that_was_built_is_one_for_all_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aws_cdk import App, Stack  # noqa: PLC0415 -- starts Node
    from aws_cdk.assertions import Template  # noqa: PLC0415 -- starts Node

    from stacks import Homing  # noqa: PLC0415 -- starts Node
    from stacks.functions import function, powertools_layer  # noqa: PLC0415 -- starts Node

    settings = StackSettings(powertools_layer="built")
    monkeypatch.setattr(function, "is_built", lambda: powertools_layer.is_built(tmp_path))
    monkeypatch.setattr(function, "BUILT", tmp_path)
    with pytest.raises(InvalidSettingsError, match="run `make powertools-layer` first"):
        Homing(Stack(App(), "Without"), "Homing", settings=settings)
    (tmp_path / "python" / "aws_lambda_powertools").mkdir(parents=True)
    (tmp_path / "python" / "aws_lambda_powertools" / "__init__.py").touch()
    monkeypatch.setattr(powertools_layer, "find_python", lambda: Path(sys.executable))
    assert powertools_layer.main(tmp_path) == 0
    stack = Stack(App(), "With")
    Homing(stack, "Homing", settings=settings)
    template = Template.from_stack(stack)
    (layer,) = template.find_resources("AWS::Lambda::LayerVersion")
    given = [
        each["Properties"].get("Layers") for each in template.find_resources(FUNCTION).values()
    ]
    assert given == [[{"Ref": layer}]] * len(given)


def test_without_the_python_of_lambda_nothing_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from stacks.functions import powertools_layer  # noqa: PLC0415 -- starts Node

    monkeypatch.setattr(powertools_layer, "find_python", lambda: None)
    assert powertools_layer.main(tmp_path) == 1
    assert "uv python install 3.13" in capsys.readouterr().err


SIGNING = "arn:aws:lambda:eu-west-1:123456789012:layer:Signing:1"


def with_layer(stack: Any, layer: Any) -> set[str]:
    functions = stack.resources(FUNCTION).items()
    return {path for path, each in functions if layer in each["Properties"].get("Layers", [])}


def test_a_layer_for_ed25519_is_for_who_signs_and_who_makes_keys(
    synthesize: Callable[..., Any],
) -> None:
    stack = synthesize(signingLayer=SIGNING)
    assert with_layer(stack, SIGNING) == {"Workflow/Deliver", "Endpoints/Endpoints"}


@pytest.mark.slow
def test_the_layer_for_ed25519_is_the_one_that_was_built(tmp_path: Path) -> None:
    (tmp_path / "python" / "cryptography").mkdir(parents=True)
    (tmp_path / "python" / "cryptography" / "__init__.py").touch()
    from aws_cdk import App, Stack  # noqa: PLC0415 -- starts Node
    from aws_cdk.assertions import Template  # noqa: PLC0415 -- starts Node

    from stacks.functions.signing_layer import signing_layers  # noqa: PLC0415 -- starts Node

    scope = Stack(App(), "Test")
    (layer,) = signing_layers(scope, StackSettings(signing_layer="built").named("Test"), tmp_path)
    (made,) = Template.from_stack(scope).find_resources("AWS::Lambda::LayerVersion").values()
    assert made["Properties"]["CompatibleArchitectures"] == ["arm64"]
    assert made["Properties"]["CompatibleRuntimes"] == ["python3.13"]
    assert layer.compatible_runtimes


@pytest.mark.slow
def test_without_a_built_layer_synth_says_how_to_build_it(tmp_path: Path) -> None:
    from aws_cdk import App, Stack  # noqa: PLC0415 -- starts Node

    from stacks.functions.signing_layer import signing_layers  # noqa: PLC0415 -- starts Node

    settings = StackSettings(signing_layer="built").named("Test")
    with pytest.raises(InvalidSettingsError, match="run `make signing-layer` first"):
        signing_layers(Stack(App(), "Test"), settings, tmp_path)


def test_functions_that_check_targets_know_the_stacks_own_hosts(stack: Any) -> None:
    """They know the start of each host name. `accept` is created before its URL, so lacks that."""
    apis = "Reception/Api.execute-api.,Senders/Api.execute-api."
    told = {path: environment(stack, path)["OWN_HOSTS"] for path in GUARDED}
    assert stack.referred(told["Reception/Accept"]) == apis
    for path in ("Endpoints/Endpoints", "Workflow/Deliver"):
        *known, url, ending = told[path]["Fn::Join"][1]
        assert stack.referred({"Fn::Join": ["", known]}) == f"{apis},"
        assert ending == ".lambda-url."
        host = {"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::GetAtt": [ANY, "FunctionUrl"]}]}]}
        assert url == {"Fn::Select": [0, {"Fn::Split": [".", host]}]}


def test_without_a_function_url_the_apis_are_all_there_is(synthesize: Callable[..., Any]) -> None:
    stack = synthesize(messagesUrl="false")
    told = {stack.referred(environment(stack, path)["OWN_HOSTS"]) for path in GUARDED}
    assert told == {"Reception/Api.execute-api.,Senders/Api.execute-api."}


def test_custom_domains_are_refused_by_a_setting(synthesize: Callable[..., Any]) -> None:
    stack = synthesize(refusedHosts="Hooks.example.com, api.example.com")
    hosts = {idempotency_of(stack, path).refused_hosts for path in GUARDED}
    assert hosts == {frozenset({"hooks.example.com", "api.example.com"})}
