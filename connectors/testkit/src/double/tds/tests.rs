//! The double as its clients see it, in raw frames.
