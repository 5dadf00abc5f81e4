"""Storage: the tables, the bucket of large payloads, and the key that encrypts secrets."""
