"""The examples of sending in docs/api.md work as they are, one after the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from in_process_api import in_process_api, served

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")


def test_each_example_sends_the_same_message(tmp_path: Path) -> None:
    """The first is accepted as new. The others send the same bytes, so each is a duplicate."""
    with in_process_api() as apis, served(apis("shop")) as url:
        environment = {
            "PATH": os.environ["PATH"],
            **dict.fromkeys(("SENDER_API_URL", "MESSAGES_URL"), url),
            **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "x"),
            "AWS_SESSION_TOKEN": "x",
            "AWS_REGION": "us-east-1",
            "HOMING_KEY": "hmg_x",
        }
        examples = re.findall(r"```(sh|py)\n(.*?)```", PAGE, re.DOTALL)
        assert [kind for kind, _ in examples] == ["sh", "sh", "py"]
        for kind, text in examples:
            program = ["sh", "-c"] if kind == "sh" else [sys.executable, "-c"]
            done = subprocess.run(  # noqa: S603 -- our own page
                [*program, text],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert '"messageId": "order-1841"' in done.stdout
        # The last response: the message had been accepted before.
        assert done.stdout.startswith("200 ")
