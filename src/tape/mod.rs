//! Room: tape.
