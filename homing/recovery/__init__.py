"""The actions of an operator on a delivery: redrive, retry now, cancel."""

__all__ = ["interventions"]
