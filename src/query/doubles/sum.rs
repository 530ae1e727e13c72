//! Sums of doubles without rounding.
//!
//! A sum is kept as a few doubles that do not overlap and whose exact sum it is (J. R. Shewchuk, *Adaptive
//! precision floating-point arithmetic and fast robust geometric predicates*, 1997), and is rounded once, when it
//! is asked for. So it does not depend on the order in which values were added.

use smallvec::SmallVec;

/// From here on, values are kept divided by [`SCALE`], so that no sum of them overflows.
const LARGE: f64 = f64::from_bits((1023 + 900) << 52);
const SCALE: f64 = f64::from_bits((1023 + 200) << 52);

/// An exact sum of doubles.
#[derive(Debug, Clone, Default)]
pub(super) struct ExactSum {
    parts: Parts,
    rare: Option<Box<Rare>>,
}

/// What few columns have.
#[derive(Debug, Clone, Default)]
struct Rare {
    large: Parts,
    nan: i64,
    infinite: i64,
    negative_infinite: i64,
}

/// Doubles that do not overlap, the smallest first.
#[derive(Debug, Clone, Default)]
struct Parts(SmallVec<[f64; 3]>);

impl ExactSum {
    /// Adds a value.
    pub(super) fn add(&mut self, value: f64) {
        if value.abs() < LARGE {
            self.parts.add(value);
        } else {
            self.rare().note(value, 1);
        }
    }

    /// Takes a value out that was added.
    pub(super) fn take(&mut self, value: f64) {
        if value.abs() < LARGE {
            self.parts.add(-value);
        } else {
            self.rare().note(value, -1);
        }
    }

    /// Adds the exact product of two values.
    pub(super) fn add_product(&mut self, a: f64, b: f64) {
        let (product, error) = product(a, b);
        self.add(product);
        self.add(error);
    }

    /// Takes the exact product of two values out.
    pub(super) fn take_product(&mut self, a: f64, b: f64) {
        let (product, error) = product(a, b);
        self.take(product);
        self.take(error);
    }

    /// The double next to the sum.
    pub(super) fn value(&self) -> f64 {
        let Some(rare) = &self.rare else { return self.parts.rounded() };
        if rare.nan > 0 || (rare.infinite > 0 && rare.negative_infinite > 0) {
            return f64::NAN;
        }
        if rare.infinite > 0 {
            return f64::INFINITY;
        }
        if rare.negative_infinite > 0 {
            return f64::NEG_INFINITY;
        }
        let mut all = rare.large.clone();
        for part in &self.parts.0 {
            all.add(part / SCALE);
        }
        let rounded = all.rounded();
        // What large values leave may be small, and then the small values count to their last digit.
        if rounded.abs() >= LARGE / SCALE {
            return rounded * SCALE;
        }
        let mut all = self.parts.clone();
        for part in &rare.large.0 {
            all.add(part * SCALE);
        }
        all.rounded()
    }

    /// The sum as a double and what that one lacks.
    pub(super) fn value_and_rest(&self) -> (f64, f64) {
        let value = self.value();
        if !value.is_finite() {
            return (value, 0.0);
        }
        let mut rest = self.clone();
        rest.take(value);
        (value, rest.value())
    }

    /// The sum as doubles that [`ExactSum::merge`] takes back.
    pub(super) fn to_state(&self) -> Vec<f64> {
        let mut state = vec![0.0; HEAD];
        if let Some(rare) = &self.rare {
            state[0] = rare.nan as f64;
            state[1] = rare.infinite as f64;
            state[2] = rare.negative_infinite as f64;
            state[3] = rare.large.0.len() as f64;
            state.extend(&rare.large.0);
        }
        state.extend(&self.parts.0);
        state
    }

    /// Adds another sum's state; `None` where it is none.
    pub(super) fn merge(&mut self, state: &[f64]) -> Option<()> {
        let (head, parts) = state.split_at_checked(HEAD)?;
        let (large, parts) = parts.split_at_checked(head[3] as usize)?;
        if head.iter().any(|count| *count != 0.0) {
            let rare = self.rare();
            rare.nan += head[0] as i64;
            rare.infinite += head[1] as i64;
            rare.negative_infinite += head[2] as i64;
            large.iter().for_each(|part| rare.large.add(*part));
        }
        parts.iter().for_each(|part| self.parts.add(*part));
        Some(())
    }

    /// Bytes beyond its own size.
    pub(super) fn heap_bytes(&self) -> usize {
        let rare = self.rare.as_ref().map_or(0, |_| size_of::<Rare>());
        let spilled = if self.parts.0.spilled() { self.parts.0.capacity() * 8 } else { 0 };
        rare + spilled
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

/// Counts in front of the parts of a state.
const HEAD: usize = 4;

impl Rare {
    fn note(&mut self, value: f64, times: i64) {
        if value.is_nan() {
            self.nan += times;
        } else if value == f64::INFINITY {
            self.infinite += times;
        } else if value == f64::NEG_INFINITY {
            self.negative_infinite += times;
        } else {
            self.large.add(value / SCALE * times as f64);
        }
    }
}

impl Parts {
    fn add(&mut self, mut value: f64) {
        let mut kept = 0;
        for index in 0..self.0.len() {
            let (sum, error) = two_sum(value, self.0[index]);
            if error != 0.0 {
                self.0[kept] = error;
                kept += 1;
            }
            value = sum;
        }
        self.0.truncate(kept);
        if value != 0.0 {
            self.0.push(value);
        }
    }

    /// The double next to the exact sum; of two, the even one.
    fn rounded(&self) -> f64 {
        let mut parts = self.0.iter().rev();
        let Some(mut high) = parts.next().copied() else { return 0.0 };
        let mut low = 0.0;
        for part in parts.by_ref() {
            let sum = high + part;
            low = part - (sum - high);
            high = sum;
            if low != 0.0 {
                break;
            }
        }
        // Where the rest is half a unit, what is below it decides.
        if let Some(next) = parts.next()
            && (low < 0.0) == (*next < 0.0)
        {
            let twice = low * 2.0;
            let up = high + twice;
            if twice == up - high {
                return up;
            }
        }
        high
    }
}

/// The rounded sum and its error.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// The rounded product and its error; T. J. Dekker, *A floating-point technique for extending the available
/// precision*, 1971.
fn product(a: f64, b: f64) -> (f64, f64) {
    /// Beyond it halves overflow; a square of such a number does not have an error worth knowing.
    const MOST: f64 = f64::from_bits((1023 + 500) << 52);
    let product = a * b;
    if !product.is_finite() || a.abs() > MOST || b.abs() > MOST {
        return (product, 0.0);
    }
    let ((a1, a2), (b1, b2)) = (halves(a), halves(b));
    (product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2)
}

fn halves(value: f64) -> (f64, f64) {
    const SPLITTER: f64 = 134_217_729.0;
    let large = SPLITTER * value;
    let high = large - (large - value);
    (high, value - high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = ExactSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.value()
    }

    #[test]
    fn a_sum_is_rounded_once_and_has_no_order() {
        let values =
            [1e308, 1e16, 1.0, f64::MIN_POSITIVE, -1e16, 0.1, 1e308, -1e308, 3e-320, -1e308];
        let mut turned = values;
        for turn in 0..values.len() {
            turned.rotate_left(1);
            turned.swap(turn, (turn * 7 + 3) % values.len());
            assert_eq!(sum(&turned), 1.1, "turn {turn}");
        }
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(
            sum(&[1.0, f64::EPSILON / 2.0, f64::EPSILON * f64::EPSILON]),
            1.0 + f64::EPSILON
        );
        assert_eq!(sum(&[1e308, 1e308]), f64::INFINITY);
        assert_eq!(sum(&[]), 0.0);
    }

    #[test]
    fn what_is_no_number_is_seen_and_can_be_taken_out() {
        assert!(sum(&[f64::NAN, 1.0]).is_nan());
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert_eq!(sum(&[f64::NEG_INFINITY, 1e308]), f64::NEG_INFINITY);
        let mut some = ExactSum::default();
        [f64::NAN, 2.5, f64::MAX].into_iter().for_each(|value| some.add(value));
        some.take(f64::NAN);
        some.take(f64::MAX);
        assert_eq!(some.value(), 2.5);
    }

    #[test]
    fn a_state_gives_the_same_sum() {
        let mut one = ExactSum::default();
        [1e300, 0.1, -7e-200].into_iter().for_each(|value| one.add(value));
        one.add_product(0.1, 0.1);
        let mut other = ExactSum::default();
        other.add(-1e300);
        other.merge(&one.to_state()).expect("a state");
        other.take_product(0.1, 0.1);
        other.add(7e-200);
        assert_eq!(other.value(), 0.1);
        assert!(other.merge(&[1.0]).is_none());
    }

    #[test]
    fn what_a_double_lacks_is_the_rest() {
        let mut sum = ExactSum::default();
        [1e16, 1.0, 0.25].into_iter().for_each(|value| sum.add(value));
        assert_eq!(sum.value_and_rest(), (1e16 + 2.0, -0.75));
    }
}
