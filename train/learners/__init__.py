"""PPO by two libraries, Stable-Baselines3 and RLlib, behind one port."""
