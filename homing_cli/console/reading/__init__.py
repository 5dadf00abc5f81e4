"""Deliveries as the console lists them: read from the ledger, in pages, within a time."""

__all__ = ["addressed", "attention", "catalogue", "cursor", "filters", "listing"]
