"""Lambda handlers: one module for each state of the workflow and each trigger."""

from lambdas.initialization import pause_collection

pause_collection()  # before a handler imports anything
