"""The console: a web page on the operator's machine that shows every delivery."""

__all__ = ["app", "rendering", "serve", "services"]
