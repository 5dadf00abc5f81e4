"""What people run: the `homing` command, the console, the local cloud, the cost model."""
