"""How a vendor is asked over HTTP: deadline, retries, rate limit, circuit breaker."""
