"""Download the JavaScript libraries of the console again: `make vendor`.

The files are committed, so that the console works offline and without npm. Each comes from the
archive of a release in the npm registry, whose SHA-512 is checked.
"""

from __future__ import annotations

import base64
import hashlib
import io
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parents[1] / "homing_cli" / "console" / "static" / "vendor"
_SOURCE_MAP = b"//# sourceMappingURL="


@dataclass(frozen=True, slots=True)
class Package:
    """A release of an npm package.

    Args:
        name: the name of the package.
        version: the version of the release.
        sha512: the SHA-512 of the archive in base64, from `npm view NAME dist.integrity`.
        files: the path of each file in the archive, and the name of the file in this project.
    """

    name: str
    version: str
    sha512: str
    files: Mapping[str, str]

    @property
    def url(self) -> str:
        """The URL of the release's archive."""
        return f"https://registry.npmjs.org/{self.name}/-/{self.name}-{self.version}.tgz"


PACKAGES = (
    Package(
        "htmx.org",
        "4.0.1",
        "oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==",
        {"dist/htmx.min.js": "htmx-4.0.1.min.js", "LICENSE": "htmx.LICENSE"},
    ),
    Package(
        "uplot",
        "1.6.32",
        "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        {
            "dist/uPlot.iife.min.js": "uplot-1.6.32.min.js",
            "dist/uPlot.min.css": "uplot-1.6.32.min.css",
            "LICENSE": "uplot.LICENSE",
        },
    ),
)


def extract(package: Package, archive: bytes) -> dict[str, bytes]:
    """Return the contents of the files of a package, by their names in this project.

    Raises:
        ValueError: when the archive does not have the expected SHA-512 or lacks a file.
    """
    found = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != package.sha512:
        raise ValueError(f"{package.url} does not have the expected SHA-512, but {found}")
    made = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for inside, name in package.files.items():
            member = tar.extractfile(f"package/{inside}")
            if member is None:
                raise ValueError(f"{package.url} has no file {inside}")
            made[name] = _without_source_map(member.read())
    return made


def _without_source_map(content: bytes) -> bytes:
    """Return a script without the reference to its source map, which is not vendored."""
    lines = [line for line in content.splitlines() if not line.startswith(_SOURCE_MAP)]
    return b"\n".join(lines) + b"\n"


def main() -> None:
    """Download all packages."""
    for package in PACKAGES:
        with urlopen(package.url, timeout=60) as answer:  # noqa: S310 -- a fixed https URL
            files = extract(package, answer.read())
        for name, content in files.items():
            (FOLDER / name).write_bytes(content)
            sys.stdout.write(f"{package.name} {package.version}: {name}\n")


if __name__ == "__main__":
    main()
