"""Alerts: findings on their way to a webhook or a syslog server."""
