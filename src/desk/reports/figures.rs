//! The numbers in reports: percentiles, SLA compliance, age buckets, tables.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::desk::reports::csv;
use crate::desk::{DAY, Millis};

/// The distribution of a set of durations, in milliseconds; all zero when the set is empty. A percentile is the
/// smallest duration that this percentage of them does not exceed (nearest rank), so it always is one that occurred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Percentiles {
    pub count: i64,
    /// Rounded down.
    pub mean: Millis,
    pub p50: Millis,
    pub p90: Millis,
    pub p95: Millis,
    pub max: Millis,
}

/// SLA compliance: how many targets were met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compliance {
    pub met: i64,
    /// Met too late, or overdue and not met yet.
    pub missed: i64,
    /// Not met yet, and not overdue.
    pub pending: i64,
}

impl Compliance {
    /// From the counts in SQL; what is neither met nor missed is pending.
    pub fn from_counts(tickets: i64, met: i64, missed: i64) -> Compliance {
        Compliance {
            met,
            missed,
            pending: tickets.saturating_sub(met).saturating_sub(missed),
        }
    }

    /// The sum of two, for example of both targets.
    #[must_use]
    pub fn combine(self, other: Compliance) -> Compliance {
        Compliance {
            met: self.met.saturating_add(other.met),
            missed: self.missed.saturating_add(other.missed),
            pending: self.pending.saturating_add(other.pending),
        }
    }

    /// Percentage met of those that are met or missed; 0 when there are none.
    pub fn met_percent(self) -> f64 {
        percent(self.met, self.met.saturating_add(self.missed)).unwrap_or_default()
    }
}

/// `part` of `whole` in per cent, with one decimal. `None` when `whole` is 0.
pub fn percent(part: i64, whole: i64) -> Option<f64> {
    let tenths = i128::from(part)
        .checked_mul(2_000)?
        .checked_add(i128::from(whole))?;
    let tenths = tenths.checked_div_euclid(i128::from(whole).checked_mul(2)?)?;
    i32::try_from(tenths).ok().map(|tenths| f64::from(tenths) / 10.0)
}

/// The age buckets of unresolved tickets: name, and the age in milliseconds at which the next one begins. A creation
/// time in the future counts as new.
pub const AGE_BUCKETS: [(&str, Millis); 6] = [
    ("under_1_day", DAY),
    ("1_to_3_days", 3 * DAY),
    ("3_to_7_days", 7 * DAY),
    ("7_to_14_days", 14 * DAY),
    ("14_to_30_days", 30 * DAY),
    ("over_30_days", Millis::MAX),
];

/// The rows of a report. JSON and CSV use the same column names.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub columns: Vec<&'static str>,
    /// Strings, numbers, booleans and nulls, one for each column.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// A list of objects.
    pub fn to_json(&self) -> Value {
        let object = |row: &Vec<Value>| {
            let pairs = self
                .columns
                .iter()
                .map(|name| (*name).to_owned())
                .zip(row.iter().cloned());
            Value::Object(pairs.collect())
        };
        self.rows.iter().map(object).collect()
    }

    /// A header row, and a row for each of the rows.
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        csv::push_row(&mut text, self.columns.iter().copied());
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| match cell {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
                .collect();
            csv::push_row(&mut text, cells.iter().map(String::as_str));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn compliance_is_a_share_of_met_and_missed() {
        for (tickets, met, missed, pending, percent) in [
            (0, 0, 0, 0, 0.0),
            (3, 0, 0, 3, 0.0),
            (5, 2, 1, 2, 66.7),
            (4, 4, 0, 0, 100.0),
        ] {
            let compliance = Compliance::from_counts(tickets, met, missed);
            assert_eq!((compliance.pending, compliance.met_percent()), (pending, percent));
        }
        assert_eq!(
            Compliance::from_counts(5, 2, 1).combine(Compliance::from_counts(1, 1, 0)),
            Compliance::from_counts(6, 3, 1)
        );
    }

    #[test]
    fn a_table_is_json_and_csv() {
        let table = Table {
            columns: vec!["name", "count", "share"],
            rows: vec![
                vec![json!("=1+1"), json!(5), json!(62.5)],
                vec![Value::Null, json!(0), json!(0.0)],
            ],
        };
        assert_eq!(
            table.to_json(),
            json!([{"name": "=1+1", "count": 5, "share": 62.5}, {"name": null, "count": 0, "share": 0.0}])
        );
        assert_eq!(table.to_csv(), "name,count,share\r\n'=1+1,5,62.5\r\n,0,0.0\r\n");
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
            assert_eq!(percent(part, whole), want, "{part} {whole}");
        }
    }

    #[test]
    fn ages_follow_each_other() {
        assert!(AGE_BUCKETS.windows(2).all(|pair| pair[0].1 < pair[1].1));
        assert_eq!(AGE_BUCKETS.last().map(|(_, until)| *until), Some(Millis::MAX));
    }
}
