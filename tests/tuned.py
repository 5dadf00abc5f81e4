"""Settings of a stack that have nothing to do with one another, synthesized together."""

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
