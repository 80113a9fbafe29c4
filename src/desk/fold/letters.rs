//! What single characters are: marks, accents, digits, and letters that people write in another way.

/// Characters that may hold marks, and otherwise only letters, digits, and what is unassigned or rare: `General_Category`
/// M of Unicode 17, in blocks where nothing else is. Variation selectors are left out: they show nothing of their own.
const MARKS: [(u16, u16); 76] = [
    (0x300, 0x36F),
    (0x483, 0x489),
    (0x591, 0x5BD),
    (0x5BF, 0x5BF),
    (0x5C1, 0x5C2),
    (0x5C4, 0x5C5),
    (0x5C7, 0x5C7),
    (0x610, 0x61A),
    (0x64B, 0x65F),
    (0x670, 0x670),
    (0x6D6, 0x6DC),
    (0x6DF, 0x6E8),
    (0x6EA, 0x6ED),
    (0x711, 0x7F3),
    (0x7FD, 0x7FD),
    (0x816, 0x82D),
    (0x859, 0x85B),
    (0x897, 0x8E1),
    (0x8E3, 0x963),
    (0x981, 0x9E3),
    (0x9FE, 0xA75),
    (0xA81, 0xAE3),
    (0xAFA, 0xB63),
    (0xB82, 0xBD7),
    (0xC00, 0xC63),
    (0xC81, 0xC83),
    (0xCBC, 0xD4D),
    (0xD57, 0xD63),
    (0xD81, 0xDF3),
    (0xE31, 0xE3A),
    (0xE47, 0xE4E),
    (0xEB1, 0xECE),
    (0xF18, 0xF19),
    (0xF35, 0xF35),
    (0xF37, 0xF37),
    (0xF39, 0xF39),
    (0xF3E, 0xF84),
    (0xF86, 0xFBC),
    (0xFC6, 0xFC6),
    (0x102B, 0x103E),
    (0x1056, 0x109D),
    (0x135D, 0x135F),
    (0x1712, 0x1734),
    (0x1752, 0x17D3),
    (0x17DD, 0x17DD),
    (0x180F, 0x193B),
    (0x1A17, 0x1A1B),
    (0x1A55, 0x1A7F),
    (0x1AB0, 0x1B44),
    (0x1B6B, 0x1B73),
    (0x1B80, 0x1BF3),
    (0x1C24, 0x1C37),
    (0x1CD0, 0x1CD2),
    (0x1CD4, 0x1DFF),
    (0x20D0, 0x20F0),
    (0x2CEF, 0x2CF1),
    (0x2D7F, 0x2DFF),
    (0x302A, 0x302F),
    (0x3099, 0x309A),
    (0xA66F, 0xA672),
    (0xA674, 0xA67D),
    (0xA69E, 0xA6F1),
    (0xA802, 0xA827),
    (0xA82C, 0xA82C),
    (0xA880, 0xA8C5),
    (0xA8E0, 0xA8F1),
    (0xA8FF, 0xA92D),
    (0xA947, 0xA953),
    (0xA980, 0xA9C0),
    (0xA9E5, 0xAA4D),
    (0xAA7B, 0xAAC1),
    (0xAAEB, 0xAAEF),
    (0xAAF5, 0xAAF6),
    (0xABE3, 0xABEA),
    (0xABEC, 0xABED),
    (0xFB1E, 0xFB1E),
];

/// Whether a character is a mark on the letter before it; true of some letters, too.
pub fn is_mark(c: char) -> bool {
    match u16::try_from(u32::from(c)) {
        Ok(c) => c > 0x2FF && MARKS.iter().any(|(first, last)| (*first..=*last).contains(&c)),
        // The younger Indic scripts, Miao and Bassa Vah, Nko's and Adlam's neighbours.
        Err(_) => {
            matches!(c, '\u{10376}'..='\u{1037A}' | '\u{10A01}'..='\u{11FFF}' | '\u{16AF0}'..='\u{16FFF}'
                | '\u{1E000}'..='\u{1E94F}')
        }
    }
}

/// Whether a mark is left out of what is compared: accents and tones of Latin, Greek and Cyrillic, the points of Hebrew,
/// Arabic and Syriac, the stretching stroke of Arabic, and marks for symbols. No vowel sign of another script is one.
pub fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}'..='\u{5C2}' | '\u{5C4}'..='\u{5C5}' | '\u{5C7}'
        | '\u{610}'..='\u{61A}' | '\u{640}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{6D6}'..='\u{6DC}'
        | '\u{6DF}'..='\u{6E4}' | '\u{6E7}'..='\u{6E8}' | '\u{6EA}'..='\u{6ED}' | '\u{711}' | '\u{730}'..='\u{74A}'
        | '\u{897}'..='\u{89F}' | '\u{8CA}'..='\u{8E1}' | '\u{8E3}'..='\u{8FF}' | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20F0}' | '\u{2CEF}'..='\u{2CF1}' | '\u{FE20}'..='\u{FE2F}')
}

/// Whether a character shows nothing: it joins, parts, directs or chooses how others look (`Default_Ignorable`).
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The zeros of the decimal digits of scripts, where nine more digits follow (`General_Category` Nd).
const ZEROS: [u32; 38] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
    0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x10D30, 0x1E950,
];

/// The ASCII digit for a decimal digit of another script.
pub fn ascii_digit(c: char) -> Option<char> {
    let values = ZEROS.iter().map(|zero| u32::from(c).checked_sub(*zero));
    let value = values.flatten().find(|value| *value < 10)?;
    char::from_digit(value, 10)
}

/// Appends a letter in lower case as people write it who do not have it on their keyboards.
pub fn push_simplified(c: char, to: &mut String) {
    let simple = match c {
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' | 'ɖ' | 'ɗ' => "d",
        'ħ' => "h",
        'ŧ' => "t",
        'ı' => "i",
        'ŋ' => "n",
        'ɓ' => "b",
        'ƙ' => "k",
        'ƴ' => "y",
        // Ukrainian, and what stands for it where the letter is missing.
        'ґ' => "г",
        // Arabic letters that Persian, Urdu and the like have as characters of their own, and endings that are
        // written either way.
        'ی' | 'ى' => "ي",
        'ک' => "ك",
        'ہ' | 'ة' | 'ە' => "ه",
        // Apostrophes and hyphens of all kinds.
        '\u{2018}' | '\u{2019}' | '\u{201B}' | '\u{2B9}' | '\u{2BB}' | '\u{2BC}' | '\u{2032}' => "'",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        // The vowel of Thai and Lao `am` has come apart: its ring goes before a tone, whichever was typed first.
        '\u{E4D}' | '\u{ECD}' => {
            match to.pop() {
                Some(tone @ ('\u{E48}'..='\u{E4B}' | '\u{EC8}'..='\u{ECB}')) => to.extend([c, tone]),
                Some(other) => to.extend([other, c]),
                None => to.push(c),
            }
            return;
        }
        _ => return to.push(c),
    };
    to.push_str(simple);
}
