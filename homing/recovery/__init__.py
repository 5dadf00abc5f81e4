"""What an operator may do with a delivery: redrive, retry now, cancel."""

__all__ = ["interventions"]
