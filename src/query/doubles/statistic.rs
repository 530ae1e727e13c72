//! What is computed from exact sums, with twice the digits of a double until the end.

use super::sum::ExactSum;

/// An aggregate over doubles, as a function of a count and of exact sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Statistic {
    Sum,
    Average,
    /// `sample`: divided by one less than the count. `root`: its square root.
    Variance {
        sample: bool,
        root: bool,
    },
    Covariance {
        sample: bool,
    },
    Correlation,
    AverageX,
    AverageY,
    SumXX,
    SumYY,
    SumXY,
    Slope,
    Intercept,
    Determination,
}

use Statistic::{
    Average, AverageX, AverageY, Correlation, Covariance, Determination, Intercept, Slope, Sum,
    SumXX, SumXY, SumYY, Variance,
};

/// By the names of the engine.
const NAMES: &[(&str, Statistic)] = &[
    ("sum", Sum),
    ("avg", Average),
    ("var", Variance { sample: true, root: false }),
    ("var_pop", Variance { sample: false, root: false }),
    ("stddev", Variance { sample: true, root: true }),
    ("stddev_pop", Variance { sample: false, root: true }),
    ("covar_samp", Covariance { sample: true }),
    ("covar_pop", Covariance { sample: false }),
    ("corr", Correlation),
    ("regr_avgx", AverageX),
    ("regr_avgy", AverageY),
    ("regr_sxx", SumXX),
    ("regr_syy", SumYY),
    ("regr_sxy", SumXY),
    ("regr_slope", Slope),
    ("regr_intercept", Intercept),
    ("regr_r2", Determination),
];

impl Statistic {
    /// The statistic of an aggregate's name.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, statistic)| *statistic)
    }

    /// How many columns it is of.
    pub(super) fn columns(self) -> usize {
        match self {
            Sum | Average | Variance { .. } => 1,
            _ => 2,
        }
    }

    /// How many sums it needs: of the values, of their squares; of pairs y and x also of their products.
    pub(super) fn sums(self) -> usize {
        match self {
            Sum | Average => 1,
            Variance { .. } => 2,
            _ => 5,
        }
    }

    /// Adds a value, or a pair of y and x, to its sums.
    pub(super) fn add(self, sums: &mut [ExactSum], y: f64, x: f64) {
        match sums {
            [sum] => sum.add(y),
            [sum, squares] => {
                sum.add(y);
                squares.add_product(y, y);
            }
            [ys, xs, yy, xx, xy] => {
                ys.add(y);
                xs.add(x);
                yy.add_product(y, y);
                xx.add_product(x, x);
                xy.add_product(x, y);
            }
            _ => {}
        }
    }

    /// Takes them out again.
    pub(super) fn take(self, sums: &mut [ExactSum], y: f64, x: f64) {
        match sums {
            [sum] => sum.take(y),
            [sum, squares] => {
                sum.take(y);
                squares.take_product(y, y);
            }
            [ys, xs, yy, xx, xy] => {
                ys.take(y);
                xs.take(x);
                yy.take_product(y, y);
                xx.take_product(x, x);
                xy.take_product(x, y);
            }
            _ => {}
        }
    }

    /// The result over `count` values or pairs; `None` is NULL.
    pub(super) fn finish(self, count: u64, sums: &[ExactSum]) -> Option<f64> {
        if count == 0 {
            return None;
        }
        let n = count as f64;
        match (self, sums) {
            (Sum, [sum]) => Some(sum.value()),
            (Average, [sum]) => Some(sum.value() / n),
            (Variance { sample, root }, [sum, squares]) => {
                let divisor = divisor(count, sample)?;
                let variance = spread(n, sum, sum, squares).max(0.0) / divisor;
                Some(if root { variance.sqrt() } else { variance })
            }
            (_, [ys, xs, yy, xx, xy]) => self.of_pairs(count, [ys, xs, yy, xx, xy]),
            _ => None,
        }
    }

    fn of_pairs(self, count: u64, [ys, xs, yy, xx, xy]: [&ExactSum; 5]) -> Option<f64> {
        let n = count as f64;
        let syy = spread(n, ys, ys, yy).max(0.0);
        let sxx = spread(n, xs, xs, xx).max(0.0);
        let sxy = spread(n, xs, ys, xy);
        let (mean_y, mean_x) = (ys.value() / n, xs.value() / n);
        let several = count > 1;
        match self {
            Covariance { sample } => Some(sxy / divisor(count, sample)?),
            AverageX => Some(mean_x),
            AverageY => Some(mean_y),
            SumXX => Some(sxx),
            SumYY => Some(syy),
            SumXY => Some(sxy),
            Slope => (several && sxx != 0.0).then(|| sxy / sxx),
            Intercept => (several && sxx != 0.0).then(|| mean_y - sxy / sxx * mean_x),
            Determination => {
                (several && sxx != 0.0 && syy != 0.0).then(|| (sxy / sxx) * (sxy / syy))
            }
            Correlation if mean_y.is_nan() && mean_x.is_nan() => Some(f64::NAN),
            Correlation if mean_y.is_nan() || mean_x.is_nan() => None,
            Correlation => (several && sxx != 0.0 && syy != 0.0)
                .then(|| (sxy / sxx.sqrt() / syy.sqrt()).clamp(-1.0, 1.0)),
            Sum | Average | Variance { .. } => None,
        }
    }
}

fn divisor(count: u64, sample: bool) -> Option<f64> {
    match count - u64::from(sample) {
        0 => None,
        divisor => Some(divisor as f64),
    }
}

/// `sum of a*b - sum of a * sum of b / n`, in which most digits may cancel each other.
fn spread(n: f64, a: &ExactSum, b: &ExactSum, products: &ExactSum) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.value_and_rest(), b.value_and_rest());
    let (value, rest) = products.value_and_rest();
    if !(a * b).is_finite() || !(n * value).is_finite() {
        return value - a / n * b;
    }
    // n times the products less the product of the sums, so that it is divided once.
    let mut spread = ExactSum::default();
    spread.add_product(n, value);
    spread.add_product(n, rest);
    spread.take_product(a, b);
    spread.take_product(a, b_rest);
    spread.take_product(a_rest, b);
    spread.take_product(a_rest, b_rest);
    spread.value() / n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(statistic: Statistic, pairs: &[(f64, f64)]) -> Option<f64> {
        let mut sums = vec![ExactSum::default(); statistic.sums()];
        pairs.iter().for_each(|(y, x)| statistic.add(&mut sums, *y, *x));
        statistic.finish(pairs.len() as u64, &sums)
    }

    #[test]
    fn a_small_spread_far_from_zero_keeps_its_digits() {
        let values: Vec<_> = (0..1_000).map(|i| (1e12 + f64::from(i), 0.0)).collect();
        let variance = of(Variance { sample: true, root: false }, &values);
        assert_eq!(variance, Some(83_416.666_666_666_67));
        assert_eq!(of(Variance { sample: true, root: true }, &[(3.0, 0.0)]), None);
        assert_eq!(of(Variance { sample: false, root: true }, &[(3.0, 0.0)]), Some(0.0));
    }

    #[test]
    fn a_line_is_found() {
        let line: Vec<_> = (1..=10).map(|x| (2.0 * f64::from(x) + 0.5, f64::from(x))).collect();
        assert_eq!(of(Slope, &line), Some(2.0));
        assert_eq!(of(Intercept, &line), Some(0.5));
        assert_eq!(of(Determination, &line), Some(1.0));
        assert_eq!(of(Correlation, &line), Some(1.0));
        assert_eq!(of(Covariance { sample: false }, &line), Some(16.5));
        assert_eq!(of(Slope, &[(1.0, 2.0), (4.0, 2.0)]), None);
    }
}
