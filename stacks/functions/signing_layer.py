"""The layer with `cryptography`, for endpoints with ed25519 signatures (docs/decisions/0033)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_

from ..settings import InvalidSettingsError
from .bundle import SOURCES
from .function import ARCHITECTURE, RUNTIME

if TYPE_CHECKING:
    from pathlib import Path

    from constructs import Construct

    from ..settings import NamedSettings

BUILT = SOURCES / "build" / "signing-layer"


def signing_layers(
    scope: Construct, settings: NamedSettings, built: Path = BUILT
) -> tuple[lambda_.ILayerVersion, ...]:
    """Return the layer that the settings name, or nothing if the setting is `none`.

    Args:
        scope: its parent construct.
        settings: `signingLayer` is `none`, `built` or an ARN.
        built: the directory that `make signing-layer` fills.

    Raises:
        InvalidSettingsError: when `signingLayer` is `built` and no layer has been built.
    """
    match settings.signing_layer:
        case "none":
            return ()
        case "built":
            if not (built / "python" / "cryptography").is_dir():
                raise InvalidSettingsError(
                    "signingLayer: nothing is built; run `make signing-layer` first, or give an ARN"
                )
            layer = lambda_.LayerVersion(
                scope,
                "SigningLayer",
                code=lambda_.Code.from_asset(str(built)),
                compatible_runtimes=[RUNTIME],
                compatible_architectures=[ARCHITECTURE],
                description="cryptography, for ed25519 signatures",
            )
            return (layer,)
        case given:
            return (lambda_.LayerVersion.from_layer_version_arn(scope, "SigningLayer", given),)
