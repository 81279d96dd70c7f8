//! One target for libFuzzer: that of the program's own name.

#![no_main]
#![allow(clippy::expect_used, reason = "a target says what went wrong by panicking")]

#[allow(dead_code, reason = "seeds are made by the other driver")]
#[path = "../targets/mod.rs"]
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use targets::Target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let own = |target: &Target| target.name() == env!("CARGO_BIN_NAME");
    Target::all().into_iter().find(own).expect("programs are called as targets are")
});

fuzz_target!(|input: &[u8]| TARGET.check(input));
