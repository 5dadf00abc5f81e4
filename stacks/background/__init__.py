"""Background functions: the watchdog, operational events, and the release of ordered deliveries."""
