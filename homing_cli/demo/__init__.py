"""The demo: it sends one message for each scenario, follows them and checks the results."""

__all__ = ["runner", "scenarios", "traffic"]
