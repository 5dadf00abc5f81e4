"""The domain of Homing: pure functions that decide, and the modules that call AWS services."""
