"""Analytics: jobs over the lake that read its tables and explain what they hold."""
