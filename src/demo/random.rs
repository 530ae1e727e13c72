//! A small generator of numbers (SplitMix64): the same seed gives the same demo on every machine.

/// A sequence of numbers that only looks random.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end`, without `end`; 0 where `end` is not positive.
    pub(super) fn below(&mut self, end: i64) -> i64 {
        let end = u64::try_from(end).unwrap_or(0).max(1);
        // The high half of a product: no division, and even enough for a demo.
        let high = (u128::from(self.next()) * u128::from(end)) >> 64;
        i64::try_from(high).unwrap_or(0)
    }

    /// A number from `first` to `last`, both included.
    pub(super) fn between(&mut self, first: i64, last: i64) -> i64 {
        first + self.below(last - first + 1)
    }

    /// True this many times in a hundred.
    pub(super) fn chance(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    /// An index below `length`.
    pub(super) fn index(&mut self, length: usize) -> usize {
        let end = i64::try_from(length).unwrap_or(i64::MAX);
        usize::try_from(self.below(end)).unwrap_or(0)
    }

    /// One of `items`, of which there is at least one.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.index(items.len())]
    }

    /// One of `items`, as often as its weight says.
    pub(super) fn weighted<T: Copy>(&mut self, items: &[(i64, T)]) -> T {
        let mut rest = self.below(items.iter().map(|(weight, _)| weight).sum());
        let mut chosen = items[0].1;
        for (weight, item) in items {
            chosen = *item;
            rest -= weight;
            if rest < 0 {
                break;
            }
        }
        chosen
    }

    /// `pattern` with a digit for every `#`.
    pub(super) fn digits(&mut self, pattern: &str) -> String {
        let digit =
            |this: &mut Self| char::from_digit(u32::try_from(this.below(10)).unwrap_or(0), 10);
        pattern.chars().map(|c| if c == '#' { digit(self).unwrap_or('0') } else { c }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn every_choice_stays_within_its_bounds() {
        let mut random = Random::new(7);
        let mut seen = [0; 3];
        for _ in 0..3_000 {
            assert!((3..=5).contains(&random.between(3, 5)));
            seen[random.index(3)] += 1;
        }
        assert!(seen.iter().all(|times| (900..1_100).contains(times)), "{seen:?}");
        assert_eq!(random.weighted(&[(0, 'a'), (1, 'b'), (0, 'c')]), 'b');
        assert_eq!(random.below(0), 0);
        assert!(random.digits("+49-##").starts_with("+49-") && !random.digits("##").contains('#'));
    }
}
