"""Files of bars as people have them: who made them, what their columns say, and into the lake."""
