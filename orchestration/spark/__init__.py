"""The models on Apache Spark: one that this process starts, or one that is running elsewhere."""
