"""Tools that the platform answers itself: pure functions, each with its schemas."""
