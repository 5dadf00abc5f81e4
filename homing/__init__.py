"""The domain of Homing: pure rules, and at its edge the AWS services they use."""
