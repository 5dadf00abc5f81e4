"""The domain of Homing: pure rules, and at their edge the modules that call AWS services."""
