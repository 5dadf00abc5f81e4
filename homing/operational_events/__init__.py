"""Operational events: what Homing reports about deliveries and endpoints on the default event bus.

They are made from changes of two tables, read from the tables' streams, so no delivery makes a call
or waits for them (docs/decisions/0094).
"""

__all__ = ["bus", "deliveries", "endpoints", "event"]
