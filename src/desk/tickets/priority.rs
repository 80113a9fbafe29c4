//! Priorities: how urgent a ticket is.

/// Ordered by urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    Low,
    Medium,
    High,
    Urgent,
}

impl Priority {
    /// All priorities, least urgent first. The database stores the position in this list plus one.
    pub const ALL: [Priority; 4] = [Priority::Low, Priority::Medium, Priority::High, Priority::Urgent];
    /// The API names, in the order of [`Priority::ALL`].
    pub const WORDS: [&'static str; 4] = ["low", "medium", "high", "urgent"];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Medium => "medium",
            Priority::High => "high",
            Priority::Urgent => "urgent",
        }
    }

    /// 1 for low to 4 for urgent: the stored value, by which SQL sorts.
    pub fn rank(self) -> i64 {
        match self {
            Priority::Low => 1,
            Priority::Medium => 2,
            Priority::High => 3,
            Priority::Urgent => 4,
        }
    }

    /// One step more urgent.
    #[must_use]
    pub fn raised(self) -> Priority {
        match self {
            Priority::Low => Priority::Medium,
            Priority::Medium => Priority::High,
            Priority::High | Priority::Urgent => Priority::Urgent,
        }
    }

    /// The priority with this stored rank.
    pub fn from_rank(rank: i64) -> Option<Priority> {
        Priority::ALL.into_iter().find(|priority| priority.rank() == rank)
    }

    /// Reads an API name in any case; `critical` means urgent and `normal` means medium.
    pub fn parse(word: &str) -> Option<Priority> {
        match word.trim().to_ascii_lowercase().as_str() {
            "low" => Some(Priority::Low),
            "medium" | "normal" => Some(Priority::Medium),
            "high" => Some(Priority::High),
            "urgent" | "critical" => Some(Priority::Urgent),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ranks_and_priorities_agree() {
        for (priority, word) in Priority::ALL.into_iter().zip(Priority::WORDS) {
            assert_eq!(priority.as_str(), word);
            assert_eq!(Priority::parse(word), Some(priority));
            assert_eq!(Priority::from_rank(priority.rank()), Some(priority));
        }
        for (word, want) in [
            ("critical", Some(Priority::Urgent)),
            ("Normal", Some(Priority::Medium)),
            ("asap", None),
            ("", None),
        ] {
            assert_eq!(Priority::parse(word), want, "{word}");
        }
        assert_eq!(Priority::from_rank(0), None);
    }
}
