"""Operational events: what Homing reports about deliveries and endpoints on the default event bus.

They are derived from the streams of two tables, the ledger and the endpoints table. So no delivery
makes a call for these events or waits for them (docs/decisions/0094).
"""

__all__ = ["bus", "deliveries", "endpoints", "event"]
