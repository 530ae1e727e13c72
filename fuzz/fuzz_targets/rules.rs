//! Roles and rule files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    celosia::policy::fuzz::rules(data);
});
