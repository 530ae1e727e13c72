//! Masks over any values.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    celosia::policy::fuzz::masks(data);
});
