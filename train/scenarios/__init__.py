"""Scenarios: what a training run is told, as YAML files and as the classes that check them."""
