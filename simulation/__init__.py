"""A deterministic simulation: runs Homing's workflow definitions and handlers on a virtual AWS."""
