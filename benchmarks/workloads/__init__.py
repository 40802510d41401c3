"""What the stores are put through: one file for each group of workloads, each a function that takes the run."""
