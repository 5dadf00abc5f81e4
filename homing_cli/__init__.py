"""What people run: the CLI, the local cloud, the receiver, the trace."""
