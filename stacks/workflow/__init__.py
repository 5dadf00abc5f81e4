"""The delivery workflow, and the Express workflow of first attempts made from it."""
