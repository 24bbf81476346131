"""Side-by-side benchmarks: each program runs us and the peer in the same conditions."""
