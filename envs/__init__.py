"""The V6 trading environment: Market, rules, kernel and its vector environments."""
