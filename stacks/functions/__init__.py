"""The Lambda functions: their code, settings and layers."""
