"""The console's vendored JavaScript: what is downloaded, and what pages load."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from base64 import b64encode
from dataclasses import replace

import pytest

from tools import vendor

TEMPLATES = vendor.FOLDER.parents[1] / "templates"


def archive(**files: bytes) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def test_vendored_files_come_out_of_the_checked_archive_without_their_source_map() -> None:
    raw = archive(LICENSE=b"free\n", code=b"run()\n//# sourceMappingURL=code.map")
    checked = b64encode(hashlib.sha512(raw).digest()).decode()
    package = replace(
        vendor.PACKAGES[0], sha512=checked, files={"LICENSE": "x.LICENSE", "code": "x.js"}
    )
    assert vendor.extract(package, raw) == {"x.LICENSE": b"free\n", "x.js": b"run()\n"}
    with pytest.raises(ValueError, match="not have the expected SHA-512"):
        vendor.extract(package, archive(LICENSE=b"other"))


def test_the_vendored_files_are_those_that_the_script_fetches() -> None:
    fetched = {name for package in vendor.PACKAGES for name in package.files.values()}
    assert {path.name for path in vendor.FOLDER.iterdir()} == fetched


def test_pages_ask_only_for_files_that_are_there() -> None:
    text = "".join(path.read_text() for path in TEMPLATES.glob("*.html"))
    asked = set(re.findall(r'(?:src|href)="/static/([^"]+)"', text))
    assert asked
    assert [name for name in asked if not (vendor.FOLDER.parent / name).is_file()] == []
