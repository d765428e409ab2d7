"""What a process of ours sets right before its work: proxies, streams, compiled code."""
