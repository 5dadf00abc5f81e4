"""Who sends: API keys, and for whom a request acts."""
