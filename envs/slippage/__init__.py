"""Slippage models: how far an order moves the price, one file a model, named in `registry`."""
