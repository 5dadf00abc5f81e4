"""The console: a web page on the operator's own machine that shows every delivery's story."""
