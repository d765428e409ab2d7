"""How fast the learners train on this machine."""
