//! The state of a processor: plain data.
