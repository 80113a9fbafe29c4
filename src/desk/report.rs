//! Figures of a report: percentiles, shares, ages.

use super::{DAY, Millis};

/// What a set of durations looks like, in milliseconds. All `None` when there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    pub count: usize,
    pub mean: Option<Millis>,
    pub p50: Option<Millis>,
    pub p90: Option<Millis>,
    pub p95: Option<Millis>,
    pub max: Option<Millis>,
}

impl Spread {
    /// Looks at the durations, in any order.
    pub fn of(mut values: Vec<Millis>) -> Spread {
        values.sort_unstable();
        Spread {
            count: values.len(),
            mean: mean(&values),
            p50: percentile(&values, 50),
            p90: percentile(&values, 90),
            p95: percentile(&values, 95),
            max: values.last().copied(),
        }
    }
}

/// The arithmetic mean, rounded down.
pub fn mean(values: &[Millis]) -> Option<Millis> {
    let sum: i128 = values.iter().copied().map(i128::from).sum();
    let count = i128::try_from(values.len()).ok()?;
    Millis::try_from(sum.checked_div_euclid(count)?).ok()
}

/// The smallest of the sorted values that `per_cent` (0 to 100) of them do not exceed: nearest rank, so a
/// figure is always one that really occurred.
pub fn percentile(sorted: &[Millis], per_cent: usize) -> Option<Millis> {
    let rank = sorted.len().checked_mul(per_cent.min(100))?.div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// `part` of `whole` in per cent with one decimal; `None` of nothing.
pub fn per_cent(part: i64, whole: i64) -> Option<f64> {
    let tenths = i128::from(part)
        .checked_mul(2_000)?
        .checked_add(i128::from(whole))?;
    let tenths = tenths.checked_div_euclid(i128::from(whole).checked_mul(2)?)?;
    i32::try_from(tenths).ok().map(|tenths| f64::from(tenths) / 10.0)
}

/// The ages of unresolved tickets: the word, and the age in milliseconds at which the next one begins.
pub const AGES: [(&str, Millis); 6] = [
    ("under_1_day", DAY),
    ("1_to_3_days", 3 * DAY),
    ("3_to_7_days", 7 * DAY),
    ("7_to_14_days", 14 * DAY),
    ("14_to_30_days", 30 * DAY),
    ("over_30_days", Millis::MAX),
];

/// Which of [`AGES`] a ticket is in. One from the future is new.
pub fn age(created_at: Millis, now: Millis) -> usize {
    let age = now.saturating_sub(created_at);
    let older = AGES.iter().take_while(|(_, until)| age >= *until).count();
    older.min(AGES.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        // The example of https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method
        let values = [15, 20, 35, 40, 50];
        for (per_cent, want) in [
            (0, 15),
            (5, 15),
            (30, 20),
            (40, 20),
            (50, 35),
            (90, 50),
            (100, 50),
            (500, 50),
        ] {
            assert_eq!(percentile(&values, per_cent), Some(want), "{per_cent}");
        }
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[7], 1), Some(7));
        let want = Spread {
            count: 5,
            mean: Some(32),
            p50: Some(35),
            p90: Some(50),
            p95: Some(50),
            max: Some(50),
        };
        assert_eq!(Spread::of(vec![50, 15, 40, 35, 20]), want);
        assert_eq!(Spread::of(Vec::new()), Spread::default());
        assert_eq!(mean(&[Millis::MAX; 3]), Some(Millis::MAX));
        assert_eq!(mean(&[Millis::MIN, -1]), Some(Millis::MIN / 2 - 1));
    }

    #[test]
    fn shares_have_one_decimal() {
        for (part, whole, want) in [
            (0, 0, None),
            (0, 7, Some(0.0)),
            (7, 7, Some(100.0)),
            (1, 3, Some(33.3)),
            (2, 3, Some(66.7)),
            (1, 2_000, Some(0.1)),
            (i64::MAX, i64::MAX, Some(100.0)),
        ] {
            assert_eq!(per_cent(part, whole), want, "{part} {whole}");
        }
    }

    #[test]
    fn ages_have_words() {
        for (age_in_days, want) in [
            (-5, "under_1_day"),
            (0, "under_1_day"),
            (1, "1_to_3_days"),
            (3, "3_to_7_days"),
            (13, "7_to_14_days"),
            (14, "14_to_30_days"),
            (30, "over_30_days"),
            (4_000, "over_30_days"),
        ] {
            assert_eq!(AGES[age(-age_in_days * DAY, 0)].0, want);
        }
        assert_eq!(AGES[age(Millis::MIN, Millis::MAX)].0, "over_30_days");
    }
}
