"""Lambda handlers: one module for each function, which is a state of the workflow or a trigger."""

from lambdas.initialization import pause_collection

pause_collection()  # before a handler imports anything
