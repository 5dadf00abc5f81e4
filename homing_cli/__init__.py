"""The `homing` command, the console, the local cloud and the cost model."""
