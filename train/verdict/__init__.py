"""What BETTER and promotable mean: numbers in, checks out."""
