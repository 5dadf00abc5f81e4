"""Lambda handlers: one module is one state of the workflow or one trigger."""
