//! Which language a text is in: by its script, or by the small words that every sentence has.

/// Languages by their commonest words, none of which is common in another one here unless that has it, too.
const BY_WORDS: [(&str, &[&str]); 7] = [
    (
        "en",
        &[
            "the", "and", "you", "your", "is", "are", "of", "to", "in", "for", "with", "we", "it", "can", "not",
            "this", "that", "have", "from", "our", "will", "be", "i", "do", "how", "what", "at", "please", "by", "or",
            "on",
        ],
    ),
    (
        "de",
        &[
            "der",
            "die",
            "das",
            "und",
            "sie",
            "ist",
            "sind",
            "nicht",
            "ein",
            "eine",
            "einen",
            "mit",
            "für",
            "von",
            "zu",
            "im",
            "den",
            "dem",
            "ich",
            "wir",
            "auf",
            "kann",
            "können",
            "ihre",
            "ihr",
            "wird",
            "werden",
            "es",
            "bei",
            "bitte",
            "nach",
            "des",
            "innerhalb",
            "oder",
            "unter",
            "wie",
            "leider",
            "aus",
        ],
    ),
    (
        "fr",
        &[
            "le", "la", "les", "et", "vous", "est", "sont", "ne", "pas", "un", "une", "des", "du", "pour", "avec",
            "votre", "vos", "nous", "dans", "je", "que", "qui", "sur", "par", "au", "de", "pouvez", "ce", "il", "en",
            "jours",
        ],
    ),
    (
        "es",
        &[
            "el", "la", "los", "las", "y", "usted", "es", "son", "no", "un", "una", "de", "del", "para", "con", "su",
            "sus", "nosotros", "en", "que", "por", "puede", "se", "lo", "al", "como", "días", "está", "le", "tu",
            "puedes",
        ],
    ),
    (
        "nl",
        &[
            "de", "het", "en", "je", "u", "uw", "is", "zijn", "niet", "een", "met", "voor", "van", "te", "wij", "we",
            "kunt", "kan", "ik", "dat", "op", "bij", "wordt", "worden", "naar", "binnen", "of", "geen", "aan", "jouw",
        ],
    ),
    (
        "it",
        &[
            "il", "lo", "la", "gli", "le", "e", "è", "sono", "non", "un", "una", "di", "del", "della", "per", "con",
            "il", "nostro", "suo", "può", "puoi", "che", "si", "in", "entro", "giorni", "nel", "sul", "ci", "ti", "i",
        ],
    ),
    (
        "pl",
        &[
            "i", "w", "na", "nie", "się", "jest", "są", "do", "z", "że", "to", "można", "może", "dla", "od", "przez",
            "jak", "po", "za", "co", "twój", "proszę", "dni", "oraz", "lub",
        ],
    ),
];

/// Languages that their letters give away; of one script, the first.
const BY_SCRIPT: [(&str, std::ops::RangeInclusive<char>); 7] = [
    ("ja", '\u{3040}'..='\u{30FF}'),
    ("zh", '\u{4E00}'..='\u{9FFF}'),
    ("ko", '\u{AC00}'..='\u{D7AF}'),
    ("ru", '\u{0400}'..='\u{04FF}'),
    ("el", '\u{0370}'..='\u{03FF}'),
    ("ar", '\u{0600}'..='\u{06FF}'),
    ("he", '\u{0590}'..='\u{05FF}'),
];

/// Their English names, for prompts.
const NAMES: [(&str, &str); 14] = [
    ("en", "English"),
    ("de", "German"),
    ("fr", "French"),
    ("es", "Spanish"),
    ("nl", "Dutch"),
    ("it", "Italian"),
    ("pl", "Polish"),
    ("ja", "Japanese"),
    ("zh", "Chinese"),
    ("ko", "Korean"),
    ("ru", "Russian"),
    ("el", "Greek"),
    ("ar", "Arabic"),
    ("he", "Hebrew"),
];

/// Fewer known words than this tell nothing.
const MIN_WORDS: usize = 3;

/// Whether it can be told from others here.
#[must_use]
pub fn is_known(code: &str) -> bool {
    BY_WORDS.iter().any(|(known, _)| *known == code) || BY_SCRIPT.iter().any(|(known, _)| *known == code)
}

/// The English name of the language of `text`, if it can be told.
#[must_use]
pub fn name(text: &str) -> Option<&'static str> {
    let code = guess(text)?;
    NAMES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

/// The language of `text`, if it is long enough to tell and no other comes as near.
#[must_use]
pub fn guess(text: &str) -> Option<&'static str> {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    for (code, script) in BY_SCRIPT {
        // Names and brands stay in Latin letters.
        if letters > 0 && text.chars().filter(|c| script.contains(c)).count() * 3 > letters {
            return Some(code);
        }
        // Japanese has Chinese characters, too, but always some of its own.
        if code == "ja" && text.chars().filter(|c| script.contains(c)).count() * 10 > letters.max(1) {
            return Some(code);
        }
    }
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let mut counts: Vec<(usize, &str)> = BY_WORDS
        .iter()
        .map(|(code, known)| (words.iter().filter(|word| known.contains(word)).count(), *code))
        .collect();
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let [(best, code), (second, _), ..] = counts[..] else { return None };
    (best >= MIN_WORDS && best > second).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_name() {
        let codes = BY_WORDS.iter().map(|(code, _)| code).chain(BY_SCRIPT.iter().map(|(code, _)| code));
        for code in codes {
            assert!(NAMES.iter().any(|(known, _)| known == code), "{code}");
        }
        assert_eq!((name("Wie lange ist das gültig?"), name("OK!")), (Some("German"), None));
    }

    #[test]
    fn tells_languages_apart_and_says_nothing_of_a_word_or_two() {
        for (text, code) in [
            ("You can send back anything you have not opened within 30 days of delivery.", Some("en")),
            ("Sie können alles, was Sie nicht geöffnet haben, innerhalb von 30 Tagen zurückgeben.", Some("de")),
            ("Vous pouvez renvoyer tout ce que vous n’avez pas ouvert dans les 30 jours.", Some("fr")),
            ("Puede devolver todo lo que no haya abierto en los 30 días después de la entrega.", Some("es")),
            ("Je kunt alles wat je niet hebt geopend binnen 30 dagen terugsturen.", Some("nl")),
            ("Può restituire tutto ciò che non ha aperto entro 30 giorni dalla consegna.", Some("it")),
            ("Можно вернуть всё, что вы не открывали, в течение 30 дней.", Some("ru")),
            ("開封していない商品は30日以内に返品できます。", Some("ja")),
            ("未开封的商品可以在30天内退货。", Some("zh")),
            ("Visa, Mastercard, PayPal.", None),
            ("OK!", None),
            ("", None),
        ] {
            assert_eq!(guess(text), code, "{text}");
        }
    }
}
