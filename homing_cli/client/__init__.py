"""Clients of a deployed Homing: of its API, queues, tables and executions."""

__all__ = [
    "api",
    "deliveries",
    "executions",
    "messages",
    "queues",
    "recovery",
    "senders",
    "target",
]
