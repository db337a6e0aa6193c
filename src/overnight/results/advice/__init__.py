"""What a comparison says about the plan: the verdict, and what to run next."""
