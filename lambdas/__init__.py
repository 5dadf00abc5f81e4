"""Lambda handlers, one module for each function.

Some functions are states of the workflow; the others serve APIs, queues, streams or a schedule.
"""

from lambdas.initialization import pause_collection

pause_collection()  # before a handler imports anything
