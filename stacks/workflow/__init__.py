"""The delivery workflow, and the Express workflow for first attempts, which is derived from it."""
