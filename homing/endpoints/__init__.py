"""What senders set up: endpoints, their health, and the secrets that sign."""
