"""Runs the deployed code with stand-ins for AWS clients, network, clock, random values and logs."""

__all__ = ["edges", "functions"]
