"""The domain of Homing: pure rules, and at its edge the ledger and the sender."""
