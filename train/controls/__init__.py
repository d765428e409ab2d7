"""Markets whose answer is known: do the learners learn, and how often is the gate wrong."""
