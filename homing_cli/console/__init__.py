"""The console: a web page on the operator's machine that shows every delivery."""

__all__ = ["DEFAULT_PORT", "app", "rendering", "serve", "services"]

DEFAULT_PORT = 8088
