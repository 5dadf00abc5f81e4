"""Clients of a deployed Homing: of its API, queues, tables and executions."""

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
