"""A deterministic simulation of Homing: deployed definitions and handlers in a virtual world."""
