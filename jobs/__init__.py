"""Raw becomes clean: Spark jobs, and the pure transforms that batch and stream share."""
