"""A deterministic simulation: runs Homing's workflow definitions and handlers on simulated AWS."""
