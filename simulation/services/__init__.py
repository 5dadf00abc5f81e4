"""The simulated AWS services: DynamoDB, SQS, Lambda and Step Functions."""

__all__ = ["lambda_service", "queue_service", "step_functions", "table"]
