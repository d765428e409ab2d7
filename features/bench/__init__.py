"""How long features, a scan and a Market take on this machine."""
