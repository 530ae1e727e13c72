//! The configuration file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    celosia::config::fuzz::config(data);
});
