"""What a feature is, and how it reaches trainers and inference. No JVM: trainers install this room alone."""
