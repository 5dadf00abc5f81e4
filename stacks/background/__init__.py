"""What works in the background: the watchdog, operational events, and the release of lines."""
