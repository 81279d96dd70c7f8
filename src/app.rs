//! Builds the house.
