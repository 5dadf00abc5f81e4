"""The characters that a queue message cannot hold (SQS, SendMessage, MessageBody).

SQS also refuses control characters and surrogates, but these cannot occur in the JSON that Homing
sends.
"""

from __future__ import annotations

import re

UNCARRIED = re.compile("[\ufffe\uffff]")
