"""Independent settings of a stack, which tests synthesize together to save time."""

TUNED = {
    "acceptConcurrency": "20",
    "alarmEmail": "ops@example.com",
    "deliveredEvents": "true",
    "dispatchConcurrency": "2",
    "firstAttemptLogLevel": "ALL",
    "logRetentionDays": "7",
    "senderBacklog": "200",
    "senderRatePerSecond": "2.5",
}
