"""Side-by-side benchmarks: each workload against the plain code that a careful user would write instead."""
