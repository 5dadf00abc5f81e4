"""The OpenAPI document, made from the models that check requests and answers."""
