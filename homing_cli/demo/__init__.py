"""The demo: one message for each scenario, sent, followed and judged."""

__all__ = ["runner", "scenarios", "traffic"]
