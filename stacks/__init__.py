"""The CDK application: one construct per capability."""
