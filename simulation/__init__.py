"""A deterministic simulation of Homing: the deployed definitions and handlers in a made-up world.

Clock, chance, network, tables, queues and Step Functions are simulated; everything that decides is
the real thing. A history is a pure function of its seed, so what has gone wrong once can be looked
at again (docs/reliability.md).
"""
