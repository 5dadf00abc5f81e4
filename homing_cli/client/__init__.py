"""A deployed Homing as its callers see it: its API, queues, tables, executions and logs."""

__all__ = [
    "api",
    "attempt_log",
    "broken_executions",
    "dead_letter_queue",
    "dead_letters",
    "deliveries",
    "messages",
    "recovery",
    "senders",
    "target",
    "undispatched",
    "waiting_executions",
]
