//! What a file is, by its first bytes. Its name and the server's header are a stranger's words.

/// How many bytes from the beginning are enough.
pub const HEAD: usize = 4096;

/// Media types that can be told, and what their files' names end with; the first is the usual one. Nothing that a
/// browser would run is among them.
pub const KNOWN: [(&str, &[&str]); 20] = [
    ("image/png", &["png"]),
    ("image/jpeg", &["jpg", "jpeg", "jpe", "jfif"]),
    ("image/gif", &["gif"]),
    ("image/webp", &["webp"]),
    ("image/heic", &["heic", "heif"]),
    ("image/avif", &["avif"]),
    ("application/pdf", &["pdf"]),
    ("application/zip", &["zip", "docx", "xlsx", "pptx", "odt", "ods", "odp"]),
    ("text/plain", &["txt", "log", "csv", "md", "conf", "ini"]),
    ("audio/mpeg", &["mp3"]),
    ("audio/mp4", &["m4a"]),
    ("audio/ogg", &["ogg", "oga", "opus"]),
    ("audio/aac", &["aac"]),
    ("audio/wav", &["wav"]),
    ("audio/flac", &["flac"]),
    ("video/mp4", &["mp4", "m4v"]),
    ("video/webm", &["webm"]),
    ("video/quicktime", &["mov", "qt"]),
    ("video/3gpp", &["3gp", "3gpp"]),
    ("video/ogg", &["ogv"]),
];

/// The media type, one of [`KNOWN`], by a file's first [`HEAD`] bytes.
#[must_use]
pub fn of(head: &[u8]) -> Option<&'static str> {
    let is_at = |at: usize, mark: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(mark));
    let begins = |mark: &[u8]| is_at(0, mark);
    let found = if begins(b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else if begins(b"\xff\xd8\xff") {
        "image/jpeg"
    } else if begins(b"GIF87a") || begins(b"GIF89a") {
        "image/gif"
    } else if begins(b"RIFF") && is_at(8, b"WEBP") {
        "image/webp"
    } else if begins(b"RIFF") && is_at(8, b"WAVE") {
        "audio/wav"
    } else if begins(b"%PDF-") {
        "application/pdf"
    } else if begins(b"PK\x03\x04") {
        "application/zip"
    } else if begins(b"OggS") {
        if contains(head, b"theora") { "video/ogg" } else { "audio/ogg" }
    } else if begins(b"fLaC") {
        "audio/flac"
    } else if begins(b"ID3") || begins(b"\xff\xfb") || begins(b"\xff\xf3") || begins(b"\xff\xf2") {
        "audio/mpeg"
    } else if begins(b"\xff\xf1") || begins(b"\xff\xf9") {
        "audio/aac"
    } else if begins(b"\x1a\x45\xdf\xa3") && contains(&head[..head.len().min(64)], b"webm") {
        "video/webm"
    } else if is_at(4, b"ftyp") {
        boxed(head.get(8..12)?)?
    } else if is_plain_text(head) {
        "text/plain"
    } else {
        return None;
    };
    Some(found)
}

/// Files of ISO 14496-12 say of which brand they are.
fn boxed(brand: &[u8]) -> Option<&'static str> {
    Some(match brand {
        b"M4A " | b"M4B " => "audio/mp4",
        b"qt  " => "video/quicktime",
        b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" => "image/heic",
        b"avif" | b"avis" => "image/avif",
        b"M4V " | b"MSNV" | b"avc1" | b"dash" | b"mp41" | b"mp42" | b"mp71" => "video/mp4",
        _ if brand.starts_with(b"iso") => "video/mp4",
        _ if brand.starts_with(b"3g") => "video/3gpp",
        _ => return None,
    })
}

/// UTF-8 without controls that is no markup: HTML and SVG can hold programs, and other XML can become either.
fn is_plain_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character may have been cut in two.
        Err(error) if error.error_len().is_none() && head.len() >= HEAD => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let is_odd = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b');
    let begin = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let lower = text.to_ascii_lowercase();
    let is_markup = begin.starts_with('<')
        || ["<html", "<svg", "<script", "<!doctype", "<?xml", "<iframe"].iter().any(|mark| lower.contains(mark));
    !text.is_empty() && !text.contains(is_odd) && !is_markup
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

/// A file's name with an ending that fits its type: what is text must not be saved as a program.
#[must_use]
pub fn named(name: Option<&str>, media_type: &str) -> String {
    let endings = KNOWN.iter().find(|(known, _)| *known == media_type).map_or(&["bin"][..], |(_, endings)| endings);
    let name = name.unwrap_or("file");
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    if ending.is_some_and(|ending| endings.contains(&ending.as_str())) {
        return name.to_owned();
    }
    format!("{name}.{}", endings.first().unwrap_or(&"bin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_bytes() {
        for (head, expected) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Some("image/jpeg")),
            (b"GIF89a...", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\0\0\0\0WAVEfmt ", Some("audio/wav")),
            (b"RIFF\0\0\0\0AVI ", None),
            (b"%PDF-1.7", Some("application/pdf")),
            (b"OggS\0\x02...OpusHead", Some("audio/ogg")),
            (b"OggS\0\x02...\x80theora", Some("video/ogg")),
            (b"ID3\x04", Some("audio/mpeg")),
            (b"\0\0\0\x20ftypisom", Some("video/mp4")),
            (b"\0\0\0\x20ftypM4A ", Some("audio/mp4")),
            (b"\0\0\0\x20ftypheic", Some("image/heic")),
            (b"\0\0\0\x20ftypjunk", None),
            (b"\0\0\0\x20ftyp", None),
            (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", Some("video/webm")),
            (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84matroska", None),
            (b"Hello,\n\tw\xc3\xb6rld", Some("text/plain")),
            (b"1 < 2 and 3 > 2", Some("text/plain")),
            (b"cut \xc3", None),
            (b"\x7fELF\x02", None),
            (b"MZ\x90\0", None),
            (b"\0\0\0", None),
            (b"", None),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
            (b"\xef\xbb\xbf \n<!DOCTYPE html>", None),
            (b"hello <ScRiPt>alert(1)</script>", None),
            (b"<?xml version='1.0'?><a/>", None),
            (b"\xff\xfe<\0h\0t\0m\0l\0>\0", None),
        ] {
            assert_eq!(of(head), expected, "{:?}", String::from_utf8_lossy(head));
        }
        let mut long = "ä".repeat(HEAD).into_bytes();
        long.insert(0, b'x');
        assert_eq!(of(&long[..HEAD]), Some("text/plain"), "a character that the head cuts in two");
        assert!(KNOWN.iter().all(|(known, _)| !known.contains("html") && !known.contains("xml")));
    }

    #[test]
    fn a_name_ends_as_its_type_does() {
        assert_eq!(named(Some("cat.PNG"), "image/png"), "cat.PNG");
        assert_eq!(named(Some("cat.jpg"), "image/png"), "cat.jpg.png");
        assert_eq!(named(Some("run.bat"), "text/plain"), "run.bat.txt");
        assert_eq!(named(None, "application/pdf"), "file.pdf");
        assert_eq!(named(Some("x"), "a/b"), "x.bin");
    }
}
