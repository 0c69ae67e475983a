"""The parts that `armstrong doctor` looks at."""
