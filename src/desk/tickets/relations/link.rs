//! Links: what one ticket is to another, as either of them sees it.

/// What a ticket is to another one, as a link is stored: from its first end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    Relates,
    Duplicates,
    Blocks,
    Parent,
}

impl LinkType {
    /// The words for a link, as either end sees it.
    pub const WORDS: [&'static str; 7] = [
        "relates",
        "duplicates",
        "duplicated_by",
        "blocks",
        "blocked_by",
        "parent",
        "child",
    ];

    /// The word at the first end.
    pub fn as_str(self) -> &'static str {
        match self {
            LinkType::Relates => "relates",
            LinkType::Duplicates => "duplicates",
            LinkType::Blocks => "blocks",
            LinkType::Parent => "parent",
        }
    }

    /// The word at the second end.
    pub fn inverse(self) -> &'static str {
        match self {
            LinkType::Relates => "relates",
            LinkType::Duplicates => "duplicated_by",
            LinkType::Blocks => "blocked_by",
            LinkType::Parent => "child",
        }
    }

    /// The link that a word means, and whether the ticket that says it is the second end.
    pub fn parse(word: &str) -> Option<(LinkType, bool)> {
        [
            LinkType::Relates,
            LinkType::Duplicates,
            LinkType::Blocks,
            LinkType::Parent,
        ]
        .into_iter()
        .find_map(|kind| {
            if kind.as_str() == word {
                Some((kind, false))
            } else {
                (kind.inverse() == word).then_some((kind, true))
            }
        })
    }

    /// Both ends see the same.
    pub fn is_mutual(self) -> bool {
        self == LinkType::Relates
    }

    /// Such links form no circle: nothing is its own parent, or waits for itself.
    pub fn is_ordered(self) -> bool {
        !self.is_mutual()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_one_link_from_one_end() {
        for word in LinkType::WORDS {
            let (kind, is_back) = LinkType::parse(word).unwrap();
            assert_eq!(if is_back { kind.inverse() } else { kind.as_str() }, word);
            assert_eq!(kind.is_mutual(), kind.as_str() == kind.inverse());
        }
        assert_eq!(LinkType::parse("child"), Some((LinkType::Parent, true)));
        assert_eq!(LinkType::parse("blocked_by"), Some((LinkType::Blocks, true)));
        assert_eq!(LinkType::parse("Blocks"), None);
    }
}
