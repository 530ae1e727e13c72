//! The gate takes or refuses any text.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    celosia::query::fuzz::on_planning_stack(|| celosia::query::fuzz::statement(data));
});
