"""Reading deliveries for the console: from the ledger, in pages, within a time limit."""

__all__ = ["addressed", "attention", "catalogue", "cursor", "filters", "listing"]
