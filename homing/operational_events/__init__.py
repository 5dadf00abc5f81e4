"""Operational events: what Homing says on the default event bus of its deliveries and endpoints.

They are made of changes of two tables, which arrive by the tables' streams; so no delivery makes a
call for them, and none waits for the bus (docs/decisions/0094).
"""

__all__ = ["bus", "deliveries", "endpoints", "event"]
