"""The environments of a batch, as Gymnasium and Stable-Baselines3 expect them."""
