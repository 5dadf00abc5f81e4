"""How messages come in: the IAM API, the ingest queues, and the delivery queue behind both."""
