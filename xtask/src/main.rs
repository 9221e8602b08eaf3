//! The fanfare program.
fn main() {}
