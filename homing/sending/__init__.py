"""Making one attempt: whom it goes to, the request, the response, and what came of it."""
