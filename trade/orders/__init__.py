"""Orders, fills, accounts, denials and protections: the values that trading is about."""
