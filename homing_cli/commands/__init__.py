"""The commands of `homing`, one module for each group."""

__all__ = [
    "command_line",
    "console",
    "cost",
    "endpoint_options",
    "endpoints",
    "operations",
    "options",
    "reading",
    "recovery",
    "send",
    "senders",
    "undispatched",
    "watch",
    "what_if",
]
