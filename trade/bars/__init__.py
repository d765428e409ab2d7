"""The bars that a session walks over, and which symbol each asset of the policy stands for."""
