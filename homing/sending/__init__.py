"""One attempt: its recipient, the HTTP request, the response, and the outcome."""

__all__ = ["deliverer", "http_request", "pacing", "recipients", "time_left", "webhook_client"]
