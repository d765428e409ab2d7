"""The trading session: decide, trade, protect, recover; replay drives it over past bars."""
