"""The APIs: routes and their functions, who may call them, throttles and access logs."""
