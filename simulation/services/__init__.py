"""The AWS services of the virtual world: DynamoDB, SQS, Lambda, Step Functions."""

__all__ = ["lambda_service", "queue_service", "step_functions", "table"]
