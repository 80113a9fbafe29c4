use super::pairs::{APART, SAME};
use super::*;

#[test]
fn what_is_the_same_folds_to_the_same() {
    for (script, one, other) in SAME {
        assert_ne!(one, other, "{script}");
        assert_eq!(fold(one), fold(other), "{script}: {one} {other}");
        assert!(!fold(one).is_empty(), "{script}");
    }
}

#[test]
fn what_differs_stays_apart() {
    for (script, one, other) in APART {
        assert_ne!(fold(one), fold(other), "{script}: {one} {other}");
    }
}

#[test]
fn folding_twice_changes_nothing() {
    let pairs = SAME.into_iter().chain(APART);
    for text in pairs.flat_map(|(_, one, other)| [one, other]) {
        let once = fold(text);
        assert_eq!(fold(&once), once, "{text}");
        assert_eq!(nfc(&once), once, "{text}");
    }
    // Every character by itself, and after a letter that takes marks.
    for c in ('\u{80}'..='\u{1FFFF}').chain('\u{2F800}'..='\u{2FA1F}') {
        for text in [c.to_string(), format!("o{c}")] {
            let once = fold(&text);
            assert_eq!(fold(&once), once, "{text:?} U+{:X}", u32::from(c));
        }
    }
}

#[test]
fn folded_texts_read_as_people_write_them() {
    for (text, want) in [
        ("", ""),
        ("TICK-7 @Jane", "tick-7 @jane"),
        ("Ångström", "angstrom"),
        ("मराठी", "मराठी"),
        ("カ\u{3099}", "ガ"),
        ("\u{200B}", ""),
        ("\u{301}", ""),
        ("naïve 🔥", "naive 🔥"),
    ] {
        assert_eq!(fold(text), want, "{text}");
    }
    assert_eq!(fold_name("  Ana\u{A0}\n María "), "ana maria");
}

#[test]
fn identities_keep_their_accents() {
    for (text, want) in [
        ("Jane", "jane"),
        ("Jose\u{301}", "josé"),
        ("ÜNAL", "ünal"),
        ("İbrahim", "ibrahim"),
        ("I\u{307}brahim", "ibrahim"),
        ("ไพลิน์", "ไพลิน์"),
        ("\u{1111}\u{1173}", "프"),
    ] {
        assert_eq!(caseless(text), want, "{text}");
        assert_eq!(caseless(want), want);
    }
}

#[test]
fn words_have_letters_marks_and_digits() {
    for word in [
        "हिन्दी",
        "ไพลิน์",
        "cafe\u{301}",
        "தமிழ்",
        "မြန်မာ",
        "ខ្មែរ",
        "বাংলা",
        "ລາວ",
        "עִבְרִית",
        "عَرَبِيّ",
        "བོད་",
        "ᮞᮥᮔ᮪ᮓ",
        "𑄌𑄋𑄴𑄟𑄳𑄦",
        "ދިވެހި",
        "プリンター",
        "かﾞ",
        "한국어",
        "ⴰⵎⴰⵣⵉⵖ",
        "٣",
    ] {
        for c in word.chars().filter(|c| *c != '\u{F0B}') {
            assert!(is_word(c), "{word}: U+{:X}", u32::from(c));
        }
    }
    for c in " \u{A0}\0-_.,:;!?'\"@/|\u{F0B}\u{200B}\u{2028}\u{202E}\u{FE0F}\u{FEFF}।。、“”«»€🔥\u{964}\u{5BE}\u{61F}\u{6D4}".chars() {
        assert!(!is_word(c), "U+{:X}", u32::from(c));
    }
}
