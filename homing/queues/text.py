"""What a queue message may hold: SQS takes every character but two (SendMessage, MessageBody).

Control characters and surrogates are left out too, but cannot occur in the JSON that Homing sends.
"""

from __future__ import annotations

import re

UNCARRIED = re.compile("[\ufffe\uffff]")
