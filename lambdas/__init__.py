"""Lambda handlers: one module for each state of the workflow and each trigger."""
