"""What a vendor's series in the lake has, what it lacks, and whether an answer fits it."""
