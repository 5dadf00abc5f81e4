"""Taking messages in: what a request may say, the guard against repeats, and the answers."""
