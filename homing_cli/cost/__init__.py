"""The cost of messages: counted calls times prices."""

__all__ = [
    "assumptions",
    "bill",
    "billing",
    "counts",
    "logs",
    "model",
    "plots",
    "prices",
    "report",
    "workload",
]
